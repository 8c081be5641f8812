#!/bin/sh
# Makes once what the pipeline deploys to: one function with an alias for each
# stage, and an API whose stages name their alias in a stage variable.
set -eu
API=${API:-orders}
PLACE=${PLACE:-}
APP=$(cd "$(dirname "$0")/app" && pwd)
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

role=$(aws iam create-role --role-name "$API-function" --query Role.Arn --output text --assume-role-policy-document \
	'{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}')
(cd "$APP" && python3 -m zipfile -c "$WORK/code.zip" index.py)
arn=$(aws lambda create-function --function-name "$API" --runtime python3.12 --handler index.handler --role "$role" \
	--zip-file "fileb://$WORK/code.zip" --query FunctionArn --output text)
aws lambda wait function-active-v2 --function-name "$API"
version=$(aws lambda publish-version --function-name "$API" --query Version --output text)
# shellcheck disable=SC2016 # $LATEST is Lambda's own name
aws lambda create-alias --function-name "$API" --name dev --function-version '$LATEST' >/dev/null
for stage in staging prod; do
	aws lambda create-alias --function-name "$API" --name "$stage" --function-version "$version" >/dev/null
done

id=$(aws apigateway create-rest-api --name "$API" --query id --output text)
root=$(aws apigateway get-resources --rest-api-id "$id" --query 'items[0].id' --output text)
region=$(echo "$arn" | cut -d: -f4)
for path in health orders; do
	resource=$(aws apigateway create-resource --rest-api-id "$id" --parent-id "$root" --path-part "$path" --query id --output text)
	aws apigateway put-method --rest-api-id "$id" --resource-id "$resource" --http-method GET --authorization-type NONE >/dev/null
	aws apigateway put-integration --rest-api-id "$id" --resource-id "$resource" --http-method GET --type AWS_PROXY \
		--integration-http-method POST \
		--uri "arn:aws:apigateway:$region:lambda:path/2015-03-31/functions/$arn:\${stageVariables.alias}/invocations" >/dev/null
done
for stage in dev staging prod; do
	aws apigateway create-deployment --rest-api-id "$id" --stage-name "$stage" --variables "alias=$stage" >/dev/null
done

# The grants, one for each alias: API Gateway's console cannot add them.
# shellcheck disable=SC2086 # PLACE may be several words, or none
stagedoor doctor $PLACE --apply --yes --fail-on error
echo "API $API has the id $id"
