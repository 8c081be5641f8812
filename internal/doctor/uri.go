package doctor

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// callee is the function that an integration or authorizer calls on one stage.
type callee struct {
	region, account string
	arn             string // unqualified
	qualifier       string
	asked           string // the ARN as the URI has it, legal or not
	streaming       bool   // …/response-streaming-invocations
	undefined       []string
}

func (c *callee) qualified() string {
	if c.qualifier == "" {
		return c.arn
	}
	return c.arn + ":" + c.qualifier
}

// The two paths of Lambda's Invoke in an integration's URI.
const (
	invokePath, invokeEnd = "2015-03-31/functions/", "/invocations"
	streamPath, streamEnd = "2021-11-15/functions/", "/response-streaming-invocations"
)

// callsLambda tells an integration that means to call a function, however wrong
// its URI is, from one that calls something else.
func callsLambda(kind, uri string) bool {
	switch kind {
	case "AWS_PROXY":
		return !strings.HasPrefix(uri, "arn:") || strings.Contains(uri, ":lambda:") || strings.Contains(uri, "function")
	case "AWS":
		return strings.Contains(uri, ":lambda:path/") || strings.Contains(uri, "/functions/")
	}
	return false
}

// parseURI reads a URI whose stage variables are resolved:
//
//	arn:aws:apigateway:R:lambda:path/2015-03-31/functions/FUNCTION/invocations
//
// FUNCTION is an ARN, ACCOUNT:function:NAME or NAME, each with or without
// :QUALIFIER; the API's account and region fill in what is missing. HTTP APIs
// name the function's ARN alone. The error is a sentence for a person.
func parseURI(uri, region, account string, bare bool) (callee, error) {
	c := callee{region: region, account: account}
	if bare && strings.HasPrefix(uri, "arn:") && strings.Contains(uri, ":lambda:") && !strings.Contains(uri, ":apigateway:") {
		return c, c.function("aws", uri)
	}
	parts := strings.SplitN(uri, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" || parts[2] != "apigateway" || parts[4] != "lambda" {
		return c, fmt.Errorf("the integration URI %q is not of the form arn:aws:apigateway:REGION:lambda:path/2015-03-31/functions/FUNCTION/invocations", uri)
	}
	if parts[3] != "" {
		c.region = parts[3]
	}
	path, ok := strings.CutPrefix(parts[5], "path/")
	path = strings.TrimPrefix(path, "/")
	function, plain := cutBoth(path, invokePath, invokeEnd)
	if !plain {
		function, c.streaming = cutBoth(path, streamPath, streamEnd)
	}
	if !ok || !plain && !c.streaming {
		return c, fmt.Errorf("the integration URI %q does not end in lambda:path/2015-03-31/functions/FUNCTION/invocations", uri)
	}
	return c, c.function(parts[1], function)
}

func cutBoth(s, prefix, suffix string) (string, bool) {
	inner, begins := strings.CutPrefix(s, prefix)
	inner, ends := strings.CutSuffix(inner, suffix)
	return inner, begins && ends
}

func (c *callee) function(partition, function string) error {
	rest := function
	if whole, found := strings.CutPrefix(function, "arn:"); found {
		parts := strings.SplitN(whole, ":", 5)
		if len(parts) < 5 || parts[1] != "lambda" || !strings.HasPrefix(parts[4], "function:") {
			return fmt.Errorf("%q in the integration URI is no ARN of a Lambda function", function)
		}
		partition, c.region, c.account = parts[0], parts[2], parts[3]
		rest = strings.TrimPrefix(parts[4], "function:")
	} else {
		if account, after, found := strings.Cut(rest, ":"); found && isAccount(account) {
			c.account, rest = account, after
		}
		rest = strings.TrimPrefix(rest, "function:")
	}
	name, qualifier, qualified := strings.Cut(rest, ":")
	stem := "arn:" + partition + ":lambda:" + c.region + ":" + c.account + ":function:"
	c.qualifier, c.arn, c.asked = qualifier, stem+name, stem+rest
	switch {
	case c.region == "" || !isAccount(c.account):
		return fmt.Errorf("%q in the integration URI names no region or no 12-digit account", function)
	case len(name) > 140 || !isWord(name):
		return fmt.Errorf("%q in the integration URI is no function name: letters, digits, - and _ are allowed", name)
	case qualified && qualifier != "$LATEST" && (len(qualifier) > 128 || !isWord(qualifier)):
		return fmt.Errorf("%q in the integration URI is no version or alias", qualifier)
	}
	return nil
}

func isAccount(s string) bool {
	return len(s) == 12 && strings.Trim(s, "0123456789") == ""
}

func isWord(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	}) < 0
}

// functionInURI finds the function that a broken URI most likely means: a whole
// ARN, blanks and stage variables included.
var functionInURI = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`arn:aws[a-z-]*:lambda:\s*[a-z0-9-]+\s*:\s*[0-9]{12}\s*:function:\s*((?:[A-Za-z0-9_-]|\$\{stageVariables\.[A-Za-z0-9_]+\})+(?::(?:[A-Za-z0-9_-]|\$LATEST|\$\{stageVariables\.[A-Za-z0-9_]+\})+)?)`)
})

// repairedURI is a URI of the right form for the function that uri means; ""
// when it names none.
func repairedURI(uri, region string, streaming bool) string {
	arn := strings.Join(strings.Fields(functionInURI().FindString(uri)), "")
	if arn == "" {
		return ""
	}
	path, end := invokePath, invokeEnd
	if streaming {
		path, end = streamPath, streamEnd
	}
	return "arn:aws:apigateway:" + region + ":lambda:path/" + path + arn + end
}
