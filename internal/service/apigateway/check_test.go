package apigateway

import (
	"strings"
	"testing"
)

func TestLambdaURI(t *testing.T) {
	const (
		noArn    = "Invalid ARN specified in the request"
		noPath   = "AWS ARN for integration must contain path or action"
		noLambda = "Integrations of type 'AWS_PROXY' currently only supports Lambda function and Firehose stream invocations."
		function = "arn:aws:lambda:eu-west-1:123456789012:function:my-function"
		prefix   = "arn:aws:apigateway:eu-west-1:"
	)
	for uri, message := range map[string]string{
		prefix + "lambda:path/2015-03-31/functions/" + function + "/invocations":                              "",
		prefix + "lambda:path/2015-03-31/functions/" + function + "-${stageVariables.env}/invocations":        "",
		prefix + "lambda:path/2015-03-31/functions/" + function + ":${stageVariables.env}/invocations":        "",
		prefix + "lambda:path/2015-03-31/functions/${stageVariables.arn}/invocations":                         "",
		"arn:aws-cn:apigateway:cn-north-1:lambda:path/2015-03-31/functions/${stageVariables.arn}/invocations": "",
		// AWS recording test_put_integration_aws_proxy_uri.
		function: noPath,
		"bad-arn:lambda:path/2015-03-31/functions/" + function + "/invocations":    noArn,
		prefix + "lambda:test/2015-03-31/functions/" + function + "/invocations":   noPath,
		prefix + "firehose:path/2015-03-31/functions/" + function + "/invocations": noLambda,
		prefix + "lambda:path/random/value/" + function + "/invocations":           noLambda,
		// aws-apigateway-importer#94.
		"${stageVariables.resourcelambda}": noArn,
		"":                                 noArn,
		prefix + "lambda:path/2015-03-31/functions/": noLambda,
		// Not yet.
		prefix + "firehose:action/PutRecord": "An AWS_PROXY integration with a Firehose stream is not supported by stagedoor yet",
		prefix + "lambda:path/2021-11-15/functions/" + function + "/response-streaming-invocations": "Response streaming (the path 2021-11-15/functions/…) is not supported by stagedoor yet",
	} {
		code := "BadRequestException"
		if message == "" {
			code = ""
		}
		t.Run(uri, func(t *testing.T) { check(t, checkLambdaURI(uri), code, message) })
	}
}

func TestCredentials(t *testing.T) {
	c := scope{account: account, region: region}
	for _, test := range []struct{ credentials, code, message string }{
		{"", "", ""},
		{"arn:aws:iam::123456789012:role/invoke", "", ""},
		{"arn:aws:iam::123456789012:${stageVariables.role}", "", ""}, // aws-apigateway-importer#94
		{"arn:aws:iam::*:user/*", "", ""},
		{"NONE", "BadRequestException", "Invalid ARN specified in the request"}, // aws/aws-sdk-java#860
		{"arn:aws:iam::210987654321:role/invoke", "AccessDeniedException", "Cross-account pass role is not allowed."},
	} {
		t.Run(test.credentials, func(t *testing.T) { check(t, checkCredentials(c, test.credentials), test.code, test.message) })
	}
}

func TestLiteralTemplates(t *testing.T) {
	for template, construct := range map[string]string{
		"":                               "",
		`{"statusCode": 200}`:            "",
		`{"price": "$5", "place": "#1"}`: "",
		"ends in $":                      "",
		"ends in #":                      "",
		`{"id": "$input.params('id')"}`:  "$input.params('i",
		`${context}`:                     "${context}",
		`$!x`:                            "$!x",
		"#set($x = 1)":                   "#set($x = 1)",
		"a ## comment":                   "## comment",
		"a #* comment *#":                "#* comment *#",
		"#[[raw]]#":                      "#[[raw]]#",
		"#{end}":                         "#{end}",
	} {
		if got := evaluates(template); got != construct {
			t.Errorf("evaluates(%q) = %q, want %q", template, got, construct)
		}
	}
}

func TestContentTypes(t *testing.T) {
	for contentType, want := range map[string]bool{
		"application/json": true, "application/json; charset=utf-8": true, "text/*": true, "$default": true,
		"application/vnd.api+json": true, "123": false, "": false, "json": false,
	} {
		if isContentType(contentType) != want {
			t.Errorf("isContentType(%q) = %v", contentType, !want)
		}
	}
}

func TestStageVariables(t *testing.T) {
	value := func(v string) string {
		return "Invalid stage variable value: " + v + ".  Please use values with alphanumeric characters and the symbols ' ', -', '.', '_', ':', '/', '?', '&', '=', and ','."
	}
	for _, c := range []struct{ name, value, message string }{
		{"env", "dev", ""},
		{"url_2", "https://host:80/path?a=b&c=d,e#f~g h", ""},
		{"v", "$LATEST", value("$LATEST")},
		{"v", "", value("")}, // sirceljm/aws-lambda-blog#10
		{"v", "ä", value("ä")},
		{"owner:env", "x", "Invalid stage variable name: owner:env.  Please use names with only word characters."}, // serverless#6133
		{"", "x", "Invalid stage variable name: .  Please use names with only word characters."},
		{strings.Repeat("n", 65), "x", "Stage variable name " + strings.Repeat("n", 65) + " is longer than 64 characters"},
		{"v", strings.Repeat("x", 513), "The value of stage variable v is longer than 512 characters"},
	} {
		code := "BadRequestException"
		if c.message == "" {
			code = ""
		}
		check(t, checkVariable(c.name, c.value), code, c.message)
	}
}

func TestPolicyEscape(t *testing.T) {
	if got, want := escapePolicy(`{"Version":"2012-10-17","x":"a\\b<>&"}`), `{\"Version\":\"2012-10-17\",\"x\":\"a\\\\b<>&\"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestPage(t *testing.T) {
	items := []string{"a", "b", "c", "d", "e"}
	self := func(s string) string { return s }
	var position *string
	var got []string
	for pages := 1; ; pages++ {
		part, next, err := page(items, new(int32(2)), position, self)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, part...)
		if position = next; position == nil {
			if pages != 3 {
				t.Errorf("%d pages", pages)
			}
			break
		}
	}
	if strings.Join(got, "") != "abcde" {
		t.Errorf("got %q", got)
	}
	for _, bad := range []string{"!", "eg"} {
		if _, _, err := page(items, nil, &bad, self); err == nil {
			t.Errorf("position %q is accepted", bad)
		}
	}
}

func TestRandomID(t *testing.T) {
	for _, length := range []int{6, 10} {
		id := randomID(length)
		if len(id) != length || strings.Trim(id, idAlphabet) != "" || id == randomID(length) {
			t.Errorf("randomID(%d) = %q", length, id)
		}
	}
	if len(idAlphabet) != 32 {
		t.Errorf("the alphabet has %d characters: a byte does not map to it evenly", len(idAlphabet))
	}
}
