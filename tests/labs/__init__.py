"""What several tests are made with."""

import os

# Before PyTorch is imported, in this process and in those it starts: tests run beside each other,
# and threads that wait for a core which another test has take most of the time that they share.
os.environ.setdefault("OMP_NUM_THREADS", "1")
