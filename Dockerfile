# paretoprune on the CPU. The default command is the quick start:
#   docker build -t paretoprune .
#   docker run --rm -v "$PWD/out:/work" paretoprune
# Any other command stands behind the name of the image: docker run ... paretoprune pick resnet
FROM python:3.12-slim

COPY . /src
# Wheels of torch without CUDA, which would be gigabytes.
RUN pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu "/src[onnx]" \
    && rm -rf /src

ENV OMP_WAIT_POLICY=passive
WORKDIR /work
ENTRYPOINT ["paretoprune"]
CMD ["train", "+sweep=resnet"]
