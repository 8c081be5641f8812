"""The application that the pipeline brings from dev to prod."""

RELEASE = "first"


def handler(event, context):
    stage = event["requestContext"]["stage"]
    if event["resource"] == "/health":
        return {"statusCode": 200, "body": "ok"}
    return {"statusCode": 200, "body": f"orders, {RELEASE} release, on {stage}"}
