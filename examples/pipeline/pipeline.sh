#!/bin/sh
# The deployment pipeline, dev → staging → prod. It runs against the stagedoor
# that "stagedoor env" points at, and with PLACE=--aws against an AWS account.
set -eu
API=${API:-orders}      # of the REST API and of the function
PLACE=${PLACE:-}        # where stagedoor's commands look; --aws: an AWS account
BAKE=${BAKE:-5m}        # how long prod's canary is watched
ACCEPT=${ACCEPT:-true}  # a command that has the last word on prod
APP=$(cd "$(dirname "$0")/app" && pwd)
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

echo "== deploy to dev"
(cd "$APP" && python3 -m zipfile -c "$WORK/code.zip" index.py)
aws lambda update-function-code --function-name "$API" --zip-file "fileb://$WORK/code.zip" >/dev/null
aws lambda wait function-updated-v2 --function-name "$API"
id=$(aws apigateway get-rest-apis --query "items[?name=='$API'].id | [0]" --output text)
aws apigateway create-deployment --rest-api-id "$id" --stage-name dev >/dev/null

# shellcheck disable=SC2086 # PLACE may be several words, or none
pipeline() {
	echo "== doctor: will every call be allowed?"
	stagedoor doctor $PLACE --fail-on error

	echo "== dev → staging"
	stagedoor promote "$API" dev staging $PLACE --yes --probe GET:/health=200 --probe GET:/orders=200

	echo "== staging → prod, first for 10 % of the calls"
	stagedoor promote "$API" staging prod $PLACE --yes \
		--canary 10 --bake "$BAKE" --abort-on '5xx>1%' --probe GET:/health=200 --probe GET:/orders=200

	if ! $ACCEPT; then
		echo "== not accepted: prod goes back"
		stagedoor rollback "$API" prod $PLACE --yes
		return 1
	fi
	stagedoor history "$API" prod $PLACE
}
pipeline
