#!/usr/bin/env bash
# Generates lib/src/gen from protos/. Needs a Dart SDK (3.8 or later) on the PATH, and buf: on the PATH or in .venv.
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly PLUGIN_VERSION=25.0.0

export PATH="$PATH:$PWD/.venv/bin:${PUB_CACHE:-$HOME/.pub-cache}/bin"
for tool in dart buf; do
  command -v "$tool" > /dev/null || { echo "generate.sh: $tool is not installed" >&2; exit 1; }
done

dart pub global activate protoc_plugin "$PLUGIN_VERSION" > /dev/null
rm -rf clients/dart/lib/src/gen
buf generate --template clients/dart/buf.gen.yaml
echo "generated clients/dart/lib/src/gen"
