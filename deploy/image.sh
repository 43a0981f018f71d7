#!/bin/sh
# Build the image without a Docker engine, and without an image registry: buildah, on Debian's own packages.
#
#     deploy/image.sh [DIRECTORY]          images go there: build/image, or wherever is room for 1 GB
#
# BASE=IMAGE builds on another image, which buildah then has to be able to pull. DEBIAN_MIRROR, PIP_INDEX_URL and
# PIP_CERT (a file of authorities) are for machines whose packages come from elsewhere; nothing of them stays.
set -eu
cd "$(dirname "$0")/.."
directory=${1:-build/image}
mkdir -p "$directory"
directory=$(cd "$directory" && pwd)
for tool in buildah mmdebstrap; do
  command -v "$tool" > /dev/null || { echo "carbonmatch: no $tool here; on Debian: apt install $tool" >&2; exit 3; }
done
[ "$(id -u)" = 0 ] || { echo "carbonmatch: this way of building takes root, or a user namespace" >&2; exit 3; }

run() { buildah --root "$directory/store" --runroot "$directory/run" --storage-driver vfs "$@"; }

if [ -z "${BASE:-}" ]; then
  BASE=localhost/carbonmatch-base
  if ! run inspect --type image "$BASE" > /dev/null 2>&1; then
    # trixie has a Python that may face a network (SECURITY.md); bookworm's counts as one with holes.
    mmdebstrap --quiet --variant=minbase --include=python3,python3-venv,python-is-python3,ca-certificates \
      --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
      trixie "$directory/base.tar" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}"
    made=$(run from scratch)
    run add --quiet "$made" "$directory/base.tar" / > /dev/null
    run commit --quiet --format docker "$made" "$BASE" > /dev/null
    run rm "$made" > /dev/null
    rm "$directory/base.tar"
  fi
fi

set -- --build-arg "BASE=$BASE"
[ -z "${PIP_INDEX_URL:-}" ] || set -- "$@" --build-arg "PIP_INDEX_URL=$PIP_INDEX_URL"
[ -z "${PIP_CERT:-}" ] || set -- "$@" --build-arg PIP_CERT=/etc/ssl/pip.pem --volume "$(realpath "$PIP_CERT"):/etc/ssl/pip.pem:ro"
# The format of Docker keeps HEALTHCHECK; chroot needs no more of the kernel than root has.
run build --quiet --isolation chroot --format docker "$@" --tag localhost/carbonmatch .
