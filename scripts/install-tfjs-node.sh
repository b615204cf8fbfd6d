#!/usr/bin/env bash
# Installs the native TensorFlow.js engine for the tests of this checkout:   bash scripts/install-tfjs-node.sh
#
# The install script of @tensorflow/tfjs-node downloads a library from a storage bucket, and where that fails the whole npm install fails.
# Here the C library comes from the tensorflow-cpu wheel (pip), and the package's small Node-API addon is compiled against it with g++.
# Linux x86-64; needs node, npm, python3 with pip, g++. About 400 MB in node_modules, a minute or two. package.json and package-lock.json
# stay as they are, so the next `npm ci` or `npm install` removes the package again: run this script after them.
# When it works already nothing is done. Exit status 0 when the engine works, 1 when it could not be made to.
set -euo pipefail

package=@tensorflow/tfjs-node
version=4.22.0
# The oldest release still offered whose C API has all that the addon was written for, and its fingerprint.
wheel=tensorflow-cpu==2.12.1
fingerprint=7ffb595707a8fb376deaddc768784c7a0242b16cbc6e06393b1733b2ce19f855

say() { echo "install-tfjs-node: $*"; }
refuse() {
  echo "install-tfjs-node: NOT INSTALLED: $*" >&2
  exit 1
}

cd "$(dirname "$0")/.."
target=$PWD/node_modules/$package

# Multiplies two matrices on the native backend and says what it is.
works() {
  TF_CPP_MIN_LOG_LEVEL=2 node --input-type=commonjs -e "
    const util = require('node:util');
    util.isArray ??= Array.isArray;
    util.isNullOrUndefined ??= (value) => value == null;
    const tf = require('$target');
    const [value] = tf.matMul(tf.tensor([[1, 2]]), tf.tensor([[3], [4]])).dataSync();
    if (tf.getBackend() !== 'tensorflow' || value !== 11) throw new Error('1·3 + 2·4 is ' + value + ' on ' + tf.getBackend());
    console.log('$package ' + tf.version['tfjs-node'] + ' on libtensorflow ' + tf.backend().binding.TF_Version);"
}

if found=$(works 2>/dev/null); then
  say "works already: $found"
  exit 0
fi

[ "$(uname -sm)" = 'Linux x86_64' ] || refuse "this is $(uname -sm); the script knows Linux x86_64 only"
for tool in node npm python3 g++ sha256sum; do
  command -v "$tool" >/dev/null || refuse "there is no $tool; install it (Debian: apt-get install build-essential python3-pip)"
done
python3 -m pip --version >/dev/null 2>&1 || refuse 'python3 has no pip; install it (Debian: apt-get install python3-pip)'

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

if [ "$(node -p "require('$target/package.json').version" 2>/dev/null)" != "$version" ]; then
  # Beside the checkout, then copied: npm leaves an optional peer of the lock file out even when it is asked for by name. Its own dependencies
  # come along; TensorFlow.js itself is the one that is installed here.
  say "npm install --ignore-scripts $package@$version"
  npm install --prefix "$scratch/package" --ignore-scripts --no-audit --no-fund --loglevel=error "$package@$version" ||
    refuse "npm could not install $package"
  rm -rf "$target"
  mkdir -p "$(dirname "$target")"
  cp -R "$scratch/package/node_modules/$package" "$target"
  rm -rf "$scratch/package/node_modules/@tensorflow" "$scratch/package/node_modules/.bin"
  mkdir -p "$target/node_modules"
  cp -R "$scratch/package/node_modules/." "$target/node_modules/"
fi

say "pip download $wheel (230 MB)"
# The wheel of any one Python version will do: only its C library is used.
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.11 --implementation cp \
  --abi cp311 --platform manylinux2014_x86_64 --dest "$scratch" "$wheel" || refuse "pip could not download $wheel"
archive=$(echo "$scratch"/*.whl)
echo "$fingerprint  $archive" | sha256sum --check --status || refuse "the fingerprint of $(basename "$archive") is not the expected one"

say 'taking the C library and its headers out of the wheel'
rm -rf "$target/deps" "$target/lib"
python3 - "$archive" "$target/deps" <<'PY' || refuse 'the wheel could not be read'
import pathlib, shutil, sys, zipfile

wheel, deps = zipfile.ZipFile(sys.argv[1]), pathlib.Path(sys.argv[2])
headers = 'tensorflow/include/'
wanted = tuple(headers + part for part in ('tensorflow/c/', 'tensorflow/tsl/c/', 'tensorflow/tsl/platform/ctstring',
                                           'tensorflow/core/platform/ctstring'))
for name in wheel.namelist():
    if name in ('tensorflow/libtensorflow_cc.so.2', 'tensorflow/libtensorflow_framework.so.2'):
        to = deps / 'lib' / pathlib.PurePath(name).name
    elif name.endswith('.h') and name.startswith(wanted):
        to = deps / 'include' / name[len(headers):]
    elif name.endswith('.dist-info/LICENSE'):
        to = deps / 'LICENSE.tensorflow'
    else:
        continue
    to.parent.mkdir(parents=True, exist_ok=True)
    with wheel.open(name) as source, open(to, 'wb') as out:
        shutil.copyfileobj(source, out, 1 << 20)
PY
rm -f "$archive"
ln -s libtensorflow_cc.so.2 "$target/deps/lib/libtensorflow.so"
ln -s libtensorflow_framework.so.2 "$target/deps/lib/libtensorflow_framework.so"
# Half of the size are names for debuggers.
! command -v strip >/dev/null || strip --strip-unneeded "$target"/deps/lib/*.so.2 || refuse 'strip failed'

include=$(node -p "require('node:path').resolve(process.execPath, '../../include/node')")
if [ ! -f "$include/node_api.h" ]; then
  say 'node has no headers beside it; taking node-api-headers from npm'
  npm install --prefix "$scratch/headers" --ignore-scripts --no-audit --no-fund --loglevel=error node-api-headers@1.9.0 ||
    refuse 'npm could not install node-api-headers'
  include=$scratch/headers/node_modules/node-api-headers/include
fi

# Where the package looks for its addon: the highest Node-API version that both know.
napi=$(node -p "Math.max(...require('$target/package.json').binary.napi_versions.filter((v) => v <= Number(process.versions.napi)))")
mkdir -p "$target/lib/napi-v$napi"
say "compiling the addon (Node-API $napi)"
g++ -std=gnu++17 -O2 -fPIC -shared -pthread -fno-rtti -fno-exceptions -w \
  -DNODE_GYP_MODULE_NAME=tfjs_binding -DBUILDING_NODE_EXTENSION -DNAPI_VERSION="$napi" -I"$include" -I"$target/deps/include" \
  "$target/binding/tfjs_backend.cc" "$target/binding/tfjs_binding.cc" -L"$target/deps/lib" -ltensorflow -ltensorflow_framework \
  -Wl,-rpath,'$ORIGIN/../../deps/lib' -o "$target/lib/napi-v$napi/tfjs_binding.node" || refuse 'the addon did not compile'

found=$(works) || refuse 'the addon was built but does not work'
say "works: $found ($(du -sh "$target" | cut -f1))"
