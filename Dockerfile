# latentlab on a CPU: `docker build -t latentlab .`, then
#   docker run -v latentlab:/lab/data latentlab                      runs derp_vae
#   docker run -v latentlab:/lab/data latentlab kedro run --env smoke
#   docker run -v latentlab:/lab/data -p 127.0.0.1:5000:5000 latentlab \
#       python -m latentlab.tracking.ui --host 0.0.0.0               MLflow: only where it is asked for
# TORCH_INDEX is an index of CPU builds of torch, which are far smaller: pytorch.org names it.
FROM python:3.12-slim

RUN apt-get update && apt-get install -y --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home lab && mkdir /lab && chown lab /lab
USER lab
WORKDIR /lab
ENV PATH=/home/lab/venv/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /home/lab/venv

ARG TORCH_INDEX=
COPY --chown=lab requirements.lock ./
RUN pip install -q ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} -r requirements.lock
COPY --chown=lab . .
RUN pip install -q --no-deps --no-build-isolation -e .

# Trials, reports and the runs of MLflow lie in one volume.
ENV MLFLOW_TRACKING_URI=sqlite:////lab/data/mlflow.db
VOLUME /lab/data
CMD ["kedro", "run"]
