package why

import "strings"

// RefusedCaller is what AWS's sentence about a client says that may not call a
// method of a deployed API.
type RefusedCaller struct {
	Caller   string // an ARN, or "anonymous"
	Region   string
	API      string
	Stage    string
	Verb     string
	Path     string // below the stage, without a slash at its beginning
	Resource string // as printed: of the account only the last digits
	// Reason is the end of the sentence: " because no …" or " with an explicit
	// deny in …"; "" in older logs.
	Reason string
}

// executeAPI is the action of all these refusals.
const executeAPI = "execute-api:Invoke"

// RefusedCaller reads the sentence of a NoCaller failure: "User: arn:… is not
// authorized to perform: execute-api:Invoke on resource:
// arn:aws:execute-api:us-east-1:********9489:609x52qn26/dev/GET/weather because
// no identity-based policy allows the execute-api:Invoke action" (public threads;
// the reason is there since 2025). ok is false for other sentences.
func (f *Failure) RefusedCaller() (r RefusedCaller, ok bool) {
	text := f.Message
	if _, after, found := strings.Cut(text, "User: "); found {
		text = after
	}
	caller, rest, found := strings.Cut(text, " is not authorized to perform: "+executeAPI+" on resource: ")
	if !found || f.Kind != NoCaller {
		return r, false
	}
	resource, reason, _ := strings.Cut(rest, " ")
	resource = strings.TrimRight(resource, `."}`)
	parts := strings.SplitN(resource, ":", 6)
	if len(parts) < 6 {
		return r, false
	}
	path := strings.SplitN(parts[5], "/", 4)
	if len(path) < 3 {
		return r, false
	}
	r = RefusedCaller{Caller: caller, Region: parts[3], API: path[0], Stage: path[1], Verb: path[2], Resource: resource}
	if len(path) == 4 {
		r.Path = path[3]
	}
	if reason != "" {
		r.Reason = " " + strings.TrimRight(reason, `."}`)
	}
	return r, true
}

// Role is the role behind the caller, if it is a session of one: its account,
// and its name, of which no ARN of a session tells the path.
func (r *RefusedCaller) Role() (account, name string, ok bool) {
	parts := strings.SplitN(r.Caller, ":", 6)
	if len(parts) < 6 || parts[2] != "sts" {
		return "", "", false
	}
	rest, ok := strings.CutPrefix(parts[5], "assumed-role/")
	name, _, _ = strings.Cut(rest, "/")
	return parts[4], name, ok
}
