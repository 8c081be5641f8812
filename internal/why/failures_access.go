package why

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// commonLog is the common log format as API Gateway's documentation gives it
// (APIGW-DG set-up-logging): the request line names the resource, the request
// id comes behind status and length.
var commonLog = regexp.MustCompile(`"([A-Z]+) (\S+) HTTP/[0-9.]+" ([0-9]{3}) \S+(?: ([0-9A-Fa-f-]{36}))?`)

// accessLine reads one line of an access log, whose form the stage decides.
func (c *collector) accessLine(e LogEvent) {
	text := strings.TrimSpace(e.Message)
	if strings.HasPrefix(text, "{") {
		c.jsonLine(e, text)
		return
	}
	m := commonLog.FindStringSubmatch(text)
	if m == nil {
		return
	}
	f := &Failure{Verb: m[1], Path: m[2], Kind: Status, Message: "status " + m[3]}
	if kind, ok := permissionFailure(text); ok {
		f.Kind, f.Message, f.Role = kind, text, roleIn(text)
	} else if m[3] != "500" {
		return
	}
	c.add(f, m[4], e.Time)
}

// jsonLine reads a JSON object with whatever members the stage's format has:
// the names that AWS's own examples use are known, in any letter case.
func (c *collector) jsonLine(e LogEvent, text string) {
	var object map[string]any
	if json.Unmarshal([]byte(text), &object) != nil {
		return // cut off, or no object
	}
	members := map[string]string{}
	flatten(members, "", object)
	pick := func(names ...string) string {
		for _, name := range names {
			if v := members[name]; v != "" && v != "-" {
				return v
			}
		}
		return ""
	}
	f := &Failure{
		API: pick("apiid"), Stage: pick("stage"),
		Verb: pick("httpmethod", "method", "verb"), Path: pick("resourcepath", "path"), Authorizer: pick("authorizerid"),
		SourceIP: pick("ip", "sourceip", "identity.sourceip", "identitysourceip"),
	}
	if f.Verb == "" {
		f.Verb, f.Path, _ = strings.Cut(pick("routekey"), " ")
	}
	for _, value := range members {
		kind, ok := permissionFailure(value)
		if !ok || f.Message != "" && f.Message <= sentenceOf(value) {
			continue // the least of several, so that the order of a map does not show
		}
		f.Kind, f.Message, f.Role = kind, sentenceOf(value), roleIn(value)
	}
	if f.Message == "" {
		if pick("status") != "500" {
			return
		}
		f.Kind, f.Message = Status, "status 500"
	}
	c.add(f, pick("requestid"), e.Time)
}

// flatten collects the members of an object by their names in lower case
// without punctuation; those of inner objects have the outer names before them.
func flatten(out map[string]string, prefix string, object map[string]any) {
	for name, value := range object {
		plain := strings.Map(func(r rune) rune {
			if r == '_' || r == '-' || r == '.' {
				return -1
			}
			return r
		}, strings.ToLower(name))
		switch v := value.(type) {
		case map[string]any:
			flatten(out, prefix+plain+".", v)
		case nil:
		default:
			out[prefix+plain] = fmt.Sprint(v)
		}
	}
}
