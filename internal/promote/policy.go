package promote

// The least IAM policies with which the commands succeed, in the partition aws.
// Replace the stars by region, account, API and functions to narrow them. Who
// may write a stage's tags may write its journal.

// Policy is that of NewPlan and Run. The statement for iam is needed where
// integrations have a role, the one for lambda:ListFunctions to undo a promotion
// one of whose functions was deleted meanwhile, the one for cloudwatch with
// --abort-on, and the last one with --fix.
const Policy = `{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Action": "apigateway:GET",
     "Resource": ["arn:aws:apigateway:*::/restapis", "arn:aws:apigateway:*::/restapis/*", "arn:aws:apigateway:*::/tags/*"]},
    {"Effect": "Allow", "Action": "apigateway:PATCH", "Resource": "arn:aws:apigateway:*::/restapis/*/stages/*"},
    {"Effect": "Allow", "Action": ["apigateway:PUT", "apigateway:DELETE"], "Resource": "arn:aws:apigateway:*::/tags/*"},
    {"Effect": "Allow", "Resource": "arn:aws:lambda:*:*:function:*",
     "Action": ["lambda:GetFunction", "lambda:GetPolicy", "lambda:ListAliases", "lambda:ListVersionsByFunction", "lambda:GetAlias",
                "lambda:UpdateFunctionCode", "lambda:PublishVersion", "lambda:UpdateAlias",
                "lambda:ListTags", "lambda:TagResource", "lambda:UntagResource"]},
    {"Effect": "Allow", "Resource": "*",
     "Action": ["iam:GetRole", "iam:ListRolePolicies", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:GetPolicy", "iam:GetPolicyVersion"]},
    {"Effect": "Allow", "Action": "lambda:ListFunctions", "Resource": "*"},
    {"Effect": "Allow", "Action": "cloudwatch:GetMetricData", "Resource": "*"},
    {"Effect": "Allow", "Action": ["lambda:AddPermission", "lambda:RemovePermission"], "Resource": "arn:aws:lambda:*:*:function:*"}
  ]
}`

// RollbackPolicy is that of Rollback and Run. lambda:ListFunctions is needed only
// where a function of the promotion was deleted meanwhile.
const RollbackPolicy = `{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Action": "apigateway:GET",
     "Resource": ["arn:aws:apigateway:*::/restapis", "arn:aws:apigateway:*::/restapis/*", "arn:aws:apigateway:*::/tags/*"]},
    {"Effect": "Allow", "Action": "apigateway:PATCH", "Resource": "arn:aws:apigateway:*::/restapis/*/stages/*"},
    {"Effect": "Allow", "Action": ["apigateway:PUT", "apigateway:DELETE"], "Resource": "arn:aws:apigateway:*::/tags/*"},
    {"Effect": "Allow", "Resource": "arn:aws:lambda:*:*:function:*",
     "Action": ["lambda:GetFunction", "lambda:GetAlias", "lambda:UpdateFunctionCode", "lambda:UpdateAlias", "lambda:ListTags"]},
    {"Effect": "Allow", "Action": "lambda:ListFunctions", "Resource": "*"}
  ]
}`

// HistoryPolicy is that of History.
const HistoryPolicy = `{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Action": "apigateway:GET",
     "Resource": ["arn:aws:apigateway:*::/restapis", "arn:aws:apigateway:*::/restapis/*/stages"]},
    {"Effect": "Allow", "Action": "lambda:ListTags", "Resource": "arn:aws:lambda:*:*:function:*"}
  ]
}`
