#!/bin/sh
# Makes static/vendor from the npm packages named here, each pinned by version and checksum. Needs npm and openssl.
set -eu
cd "$(dirname "$0")"

name=lean-qr version=2.7.4
sum=tlMPFfqhAAZN7+j/djRSvl/2+AYT2+7RRuyq8bvcbV8gMiENiscquQ9WTfCSyeEdxsVaEB+tU7e9nFZC63BFnQ==

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
npm pack --silent --pack-destination "$dir" "$name@$version" >/dev/null
got=$(openssl dgst -sha512 -binary "$dir/$name-$version.tgz" | openssl base64 -A)
if [ "$got" != "$sum" ]; then
	echo "$name $version has another checksum: $got" >&2
	exit 1
fi
tar -xzf "$dir/$name-$version.tgz" -C "$dir"
mkdir -p static/vendor
{
	echo "// @ts-nocheck $name $version, nano.mjs, MIT: see lean-qr.license.txt. Made by vendor.sh."
	cat "$dir/package/nano.mjs"
} >static/vendor/lean-qr.js
cp "$dir/package/LICENSE" static/vendor/lean-qr.license.txt
chmod 644 static/vendor/*
