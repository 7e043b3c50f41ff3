#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Starts dist2 with a libtorch: the one LIBTORCH names, else the one carried beside it, else that of a Python environment
# or the cache. C++ has no stable interface, so only the version that dist2 was built for will do.
here=$(dirname -- "$(readlink -f -- "$0")")/../lib/dist2
wanted=$(cat "$here/libtorch") || exit 1
version() {
  cat "$1/include/torch/headeronly/version.h" "$1/include/torch/version.h" 2> /dev/null \
    | sed -n 's/.*define TORCH_VERSION_[MP][A-Z]* *\([0-9][0-9]*\).*/\1/p' | tr '\n' . | sed 's/\.$//'
}
start() { # a torch folder
  LD_LIBRARY_PATH=$1/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  export LD_LIBRARY_PATH
  shift
  exec "$here/dist2" "$@"
}

if [ -n "$LIBTORCH" ]; then
  found=$(version "$LIBTORCH")
  [ "$found" = "$wanted" ] && start "$LIBTORCH" "$@"
  echo "dist2: LIBTORCH=$LIBTORCH holds libtorch ${found:-of an unknown version}; this dist2 was built for $wanted." \
    "Set it to a torch folder of that version, or unset it." >&2
  exit 1
fi
[ -e "$here/torch/lib/libtorch_cpu.so" ] && exec "$here/dist2" "$@"

for python in "${VIRTUAL_ENV:+$VIRTUAL_ENV/bin/python}" "${CONDA_PREFIX:+$CONDA_PREFIX/bin/python}" python3; do
  [ -n "$python" ] || continue
  folder=$(cd / && "$python" -c 'import importlib.util as u; print(u.find_spec("torch").submodule_search_locations[0])' \
    2> /dev/null)
  [ -n "$folder" ] && [ "$(version "$folder")" = "$wanted" ] && start "$folder" "$@"
done
cache=${DIST2_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dist2}
for folder in "$cache/libtorch-$wanted-cuda/torch" "$cache/libtorch-$wanted/torch"; do
  [ "$(version "$folder")" = "$wanted" ] && start "$folder" "$@"
done
echo "dist2: libtorch $wanted is missing. Install it with python3 -m pip install torch==$wanted in an environment that is" \
  "active when dist2 starts, or set LIBTORCH to a torch folder of that version." >&2
exit 1
