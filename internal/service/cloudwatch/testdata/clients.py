"""What programs do with boto3, asserted against shapes that AWS documents or was recorded to give. The endpoint is argv[1]."""
import sys
from datetime import datetime, timedelta, timezone

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

cw = boto3.client(
    "cloudwatch", endpoint_url=sys.argv[1], region_name="us-east-1",
    aws_access_key_id="test", aws_secret_access_key="test",
    config=Config(retries={"total_max_attempts": 1}, request_min_compression_size_bytes=200),
)
now = datetime.now(timezone.utc)
window = {"StartTime": now - timedelta(minutes=5), "EndTime": now + timedelta(minutes=1)}


def refused(code, message, call, **kwargs):
    try:
        call(**kwargs)
    except ClientError as e:
        error = e.response["Error"]
        assert (error["Code"], error["Message"], error["Type"]) == (code, message, "Sender"), error
        assert e.response["ResponseMetadata"]["HTTPStatusCode"] == 400
        return e
    raise AssertionError("not refused: " + code)


# Large enough to be sent compressed.
cw.put_metric_data(Namespace="app", MetricData=[
    {"MetricName": "requests", "Dimensions": [{"Name": "stage", "Value": "prod"}], "Timestamp": now, "Values": [1.0, 2.5], "Counts": [3, 1], "Unit": "Count"},
    {"MetricName": "errors", "Dimensions": [{"Name": "stage", "Value": "prod"}], "Timestamp": now, "Value": 1, "Unit": "Count"},
])


def stat(id, name, stat):
    return {"Id": id, "ReturnData": id == "requests", "MetricStat": {"Stat": stat, "Period": 60, "Metric": {
        "Namespace": "app", "MetricName": name, "Dimensions": [{"Name": "stage", "Value": "prod"}]}}}


out = cw.get_metric_data(MetricDataQueries=[
    stat("requests", "requests", "SampleCount"), stat("errors", "errors", "Sum"),
    {"Id": "rate", "Expression": "100 * errors / requests", "Label": "rate"},
], **window)
assert out["Messages"] == [], out
assert [(r["Id"], r["Label"], r["StatusCode"], r["Values"]) for r in out["MetricDataResults"]] == [
    ("requests", "requests SampleCount", "Complete", [4.0]), ("rate", "rate", "Complete", [25.0])], out
minute = now.replace(second=0, microsecond=0)
assert out["MetricDataResults"][0]["Timestamps"] == [minute], out
assert "Messages" not in out["MetricDataResults"][0], out

out = cw.get_metric_statistics(Namespace="app", MetricName="requests", Dimensions=[{"Name": "stage", "Value": "prod"}],
                               Period=60, Statistics=["Sum", "Average"], **window)
assert out["Label"] == "requests", out
assert out["Datapoints"] == [{"Timestamp": minute, "Sum": 5.5, "Average": 1.375, "Unit": "Count"}], out
out = cw.get_metric_statistics(Namespace="app", MetricName="requests", Dimensions=[{"Name": "stage", "Value": "prod"}],
                               Period=60, ExtendedStatistics=["p50", "p99.9"], **window)
assert out["Datapoints"][0]["ExtendedStatistics"] == {"p50": 1.0, "p99.9": 2.5}, out

metrics = [m for page in cw.get_paginator("list_metrics").paginate(Namespace="app") for m in page["Metrics"]]
assert metrics == [{"Namespace": "app", "MetricName": n, "Dimensions": [{"Name": "stage", "Value": "prod"}]} for n in ("errors", "requests")], metrics

# AWS recording test_put_metric_data_validation.
e = refused("InvalidParameterCombination",
            "The parameters MetricData.member.1.Value and MetricData.member.1.Values are mutually exclusive and you have specified both.",
            cw.put_metric_data, Namespace="app", MetricData=[{"MetricName": "m", "Value": 1, "Values": [1]}])
assert e.response["Error"]["QueryErrorCode"] == "InvalidParameterCombinationException", e.response
assert isinstance(e, cw.exceptions.InvalidParameterCombinationException), type(e)
# AWS recording test_exception_serializing_with_no_shape_in_spec has this form of another operation's.
refused("ValidationError", "The parameter StartTime must not equal parameter EndTime.\n", cw.get_metric_data,
        MetricDataQueries=[stat("requests", "requests", "Sum")], StartTime=now, EndTime=now)
refused("UnsupportedOperation", "cloudwatch PutDashboard is not supported by stagedoor yet. Nothing was changed.", cw.put_dashboard, DashboardName="d", DashboardBody="{}")
