package console

import (
	"fmt"
	"strings"

	"github.com/stagedoor/stagedoor/internal/state"
)

// callee is what an integration calls on one stage.
type callee struct {
	Region, Account, Name, Qualifier string
	ARN                              string   // unqualified
	Undefined                        []string // stage variables that the stage lacks
	Problem                          string   // why it names no function; "" where it does
}

func (c *callee) qualified() string {
	if c.Qualifier == "" {
		return c.ARN
	}
	return c.ARN + ":" + c.Qualifier
}

const invokePath, invokeEnd = ":lambda:path/2015-03-31/functions/", "/invocations"

// functionInURI is the function of a Lambda integration's URI; the URI itself
// where it is none.
func functionInURI(uri string) string {
	_, rest, found := strings.Cut(uri, invokePath)
	function, ends := strings.CutSuffix(rest, invokeEnd)
	if !found || !ends {
		return uri
	}
	return function
}

// uriOf is the integration URI that calls a function: NAME, NAME:ALIAS or an
// ARN, each with stage variables.
func (v *visit) uriOf(function string) string {
	if !strings.HasPrefix(function, "arn:") {
		function = "arn:aws:lambda:" + v.region + ":" + v.s.Account + ":function:" + function
	}
	return "arn:aws:apigateway:" + v.region + invokePath + function + invokeEnd
}

// resolve says which function a reference means on a stage with these variables.
func (v *visit) resolve(function string, variables map[string]string) callee {
	c := callee{Region: v.region, Account: v.s.Account}
	text, undefined := state.Resolve(function, variables)
	c.Undefined = undefined
	rest := text
	if strings.HasPrefix(text, "arn:") {
		parts := strings.SplitN(text, ":", 6)
		if len(parts) < 6 || parts[2] != "lambda" || !strings.HasPrefix(parts[5], "function:") {
			c.Problem = fmt.Sprintf("%q is no ARN of a Lambda function.", text)
			return c
		}
		c.Region, c.Account, rest = parts[3], parts[4], strings.TrimPrefix(parts[5], "function:")
	}
	var qualified bool
	c.Name, c.Qualifier, qualified = strings.Cut(rest, ":")
	c.ARN = "arn:aws:lambda:" + c.Region + ":" + c.Account + ":function:" + c.Name
	switch {
	case len(undefined) > 0:
		c.Problem = "The stage has no variable " + strings.Join(undefined, ", ") + "; it would ask for “" + text + "”."
	case c.Name == "":
		c.Problem = "No function is named."
	case len(c.Name) > 140 || !isWord(c.Name):
		c.Problem = fmt.Sprintf("%q is no function name: letters, digits, - and _ are allowed.", c.Name)
	case qualified && (c.Qualifier == "" || len(c.Qualifier) > 128 || !isWord(c.Qualifier)) && c.Qualifier != "$LATEST":
		c.Problem = fmt.Sprintf("%q is no version or alias.", c.Qualifier)
	}
	return c
}

func isWord(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	}) < 0
}
