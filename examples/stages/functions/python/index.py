"""my-function-dev: answers which stage called it."""

import json


def handler(event, context):
    return {
        "statusCode": 200,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps(
            {
                "stage": event["requestContext"]["stage"],
                "function": context.function_name,
                "language": "Python",
            }
        ),
    }
