package grants

import (
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/iampolicy"
)

// arnComparison is a statement's SourceArn beside the one that API Gateway
// sends, in pieces.
type arnComparison struct {
	x    *explainer
	s    *Statement
	e    *iampolicy.ElementResult
	want string
	w, g []string // the "/" segments of the resource parts
}

// Places of the segments in the resource part of a method's SourceArn.
const (
	atAPI = iota
	atStage
	atVerb
	atPath // the first segment of the path
)

// sourceARNCause names what is wrong with the SourceArn of the nearest
// statement. The checks run from the left of the ARN to the right, so that a
// grant for another API is not explained by its path.
func (x *explainer) sourceARNCause(s *Statement, e *iampolicy.ElementResult) {
	want := ""
	if e.Closest < len(e.Want) {
		want = e.Want[e.Closest]
	}
	a := &arnComparison{x: x, s: s, e: e, want: want}
	if len(e.Segments) == 0 {
		x.cause(CauseMalformedARN, "Statement %s wants the SourceArn %q, which is no ARN of six parts.", statementName(s), want)
		return
	}
	for _, segment := range e.Segments {
		if segment.Part == "resource" && !segment.NoWant {
			a.w = append(a.w, segment.Want)
		}
	}
	a.g = resourceSegments(x.c.SourceARN)
	if a.leadingParts() || a.shape() || a.api() || a.stage() || a.verb() || a.path() {
		a.severalNote()
		return
	}
	x.cause(CausePath, "Statement %s allows %s, and the method is %s.", statementName(s), want, x.c.SourceARN)
}

func resourceSegments(arn string) []string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return nil
	}
	return strings.Split(parts[5], "/")
}

// say sets the cause and the segment that shows it: the first differing one at
// or after the given resource index, or the one of the named part.
func (a *arnComparison) say(code, part string, index int, format string, args ...any) bool {
	a.x.cause(code, format, args...)
	for i := range a.e.Segments {
		if seg := &a.e.Segments[i]; !seg.Matched && seg.Part == part && (part != "resource" || seg.Index >= index) {
			a.x.d.Cause.Segment = seg
			return true
		}
	}
	if differing := a.e.Differing(); len(differing) > 0 {
		a.x.d.Cause.Segment = &differing[0]
	}
	return true
}

// differs returns the differing segment of a part, or nil.
func (a *arnComparison) differs(part string) *iampolicy.Segment {
	for i := range a.e.Segments {
		if s := &a.e.Segments[i]; s.Part == part && !s.Matched {
			return s
		}
	}
	return nil
}

func (a *arnComparison) name() string { return statementName(a.s) }

func (a *arnComparison) leadingParts() bool {
	x, c := a.x, a.x.c
	if strings.Contains(a.want, "*") && strings.Contains(a.e.Operator, "StringEquals") {
		return a.say(CauseLiteralStar, "resource", 0, "Statement %s compares the SourceArn with %s, which takes * for a plain star: use ArnLike.", a.name(), a.e.Operator)
	}
	for _, part := range []string{"arn", "partition", "service"} {
		if s := a.differs(part); s != nil {
			return a.say(CauseService, part, 0, "Statement %s names the %s %q, and API Gateway sends %q.", a.name(), part, s.Want, s.Got)
		}
	}
	if s := a.differs("region"); s != nil {
		if functionRegion := regionOf(c.FunctionARN); functionRegion != c.Region && s.Want == c.Region {
			return a.say(CauseRegion, "region", 0, "Statement %s names the API's region %s; for a call into another region the SourceArn carries the function's, %s.", a.name(), s.Want, functionRegion)
		}
		return a.say(CauseRegion, "region", 0, "Statement %s is for region %s, and the SourceArn says %s.", a.name(), orNothing(s.Want), s.Got)
	}
	if s := a.differs("account"); s != nil {
		if s.Want == "" {
			return a.say(CauseAccountEmpty, "account", 0, "The SourceArn of statement %s has no account; it needs %s.", a.name(), x.c.SourceAccount)
		}
		return a.say(CauseAccount, "account", 0, "Statement %s is for account %s, and the API belongs to %s.", a.name(), s.Want, s.Got)
	}
	return false
}

// shape finds what is wrong with the number of segments as such.
func (a *arnComparison) shape() bool {
	if len(a.w) == 1 && a.w[0] == a.x.c.APIID {
		return a.say(CauseNoWildcard, "resource", 0, "The SourceArn of statement %s ends at the API's id: without /* it matches no method.", a.name())
	}
	return false
}

func (a *arnComparison) api() bool {
	w, id := a.w[atAPI], a.x.c.APIID
	switch {
	case w == id || strings.ContainsAny(w, "*?"):
		return false
	case !isAPIID(w):
		return a.say(CauseLogicalID, "resource", 0, "Statement %s names the API %s, which is no API id but a name from a template; the id is %s.", a.name(), orNothing(w), id)
	default:
		return a.say(CauseOtherAPI, "resource", 0, "Statement %s is for the API %s, and this is %s. An API that is created again gets a new id.", a.name(), w, id)
	}
}

// isAPIID recognises the ids that API Gateway makes: ten letters and digits.
func isAPIID(s string) bool {
	if len(s) != 10 {
		return false
	}
	for i := 0; i < len(s); i++ {
		if (s[i] < 'a' || s[i] > 'z') && (s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	return true
}

func isVerb(s string) bool {
	return slices.Contains([]string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "ANY"}, strings.ToUpper(s))
}

// segment returns the statement's segment at a place, "" beyond its end.
func (a *arnComparison) segment(at int) string {
	if at < len(a.w) {
		return a.w[at]
	}
	return ""
}

func (a *arnComparison) stage() bool {
	w, stage := a.segment(atStage), a.x.c.Stage
	switch {
	case w == "authorizers":
		return a.say(CauseAuthorizer, "resource", atStage, "Statement %s is for the API's authorizer, not for its methods.", a.name())
	case a.extraSegment():
		return a.say(CauseExtraSegment, "resource", atStage, "The SourceArn of statement %s has one segment too many: it was built from the ARN of a stage or deployment. After the API's id come stage, verb and path.", a.name())
	case w == stage || strings.ContainsAny(w, "*?"):
		return false
	case w != "" && isVerb(w) && !isVerb(a.segment(atVerb)):
		return a.say(CauseMissingStage, "resource", atStage, "The SourceArn of statement %s has no stage: after the API's id come stage, verb and path.", a.name())
	case stage == TestStage:
		return a.say(CauseTestStage, "resource", atStage, "Statement %s is for stage %s. The console's Test and TestInvokeMethod call with the stage %s.", a.name(), w, TestStage)
	case w == TestStage:
		return a.say(CauseOnlyTestStage, "resource", atStage, "Statement %s is for the console's Test only (%s), not for stage %s.", a.name(), w, stage)
	default:
		return a.say(CauseStage, "resource", atStage, "Statement %s is for stage %s, and the call comes from stage %s.", a.name(), orNothing(w), stage)
	}
}

// extraSegment recognises the ARN of a stage or a deployment with "/*/*" or
// "/*/VERB/path" put behind it: "API/prod/*/GET/users".
func (a *arnComparison) extraSegment() bool {
	if len(a.w) <= atVerb+1 || len(a.w) <= len(a.g)-strings.Count(a.want, "*") {
		return false
	}
	stage := a.segment(atStage)
	if stage != a.x.c.Stage && !strings.ContainsAny(stage, "*?") {
		return false
	}
	if rest := strings.Join(a.w[atVerb+1:], "/"); strings.Trim(rest, "*/") == "" {
		return len(a.w) > len(a.g)
	}
	verb := a.segment(atVerb)
	return (verb == "*" || verb == stage) && isVerb(a.segment(atVerb+1))
}

func (a *arnComparison) verb() bool {
	w, method := a.segment(atVerb), a.x.c.Method
	switch {
	case len(a.w) <= atVerb || w == method || strings.ContainsAny(w, "*?"):
		return false
	case strings.EqualFold(w, "ANY"):
		return a.say(CauseAnyLiteral, "resource", atVerb, "Statement %s says %s, which matches only methods that are configured as ANY; this one is %s. Write * for every verb.", a.name(), w, method)
	case strings.EqualFold(w, method):
		return a.say(CauseVerbCase, "resource", atVerb, "Statement %s says %s instead of %s: case matters.", a.name(), w, method)
	case method == "ANY":
		return a.say(CauseVerbOnAny, "resource", atVerb, "Statement %s allows %s, but the method is configured as ANY, and then the SourceArn says ANY whatever verb the client used.", a.name(), w)
	default:
		return a.say(CauseVerb, "resource", atVerb, "Statement %s allows %s, and the method is %s.", a.name(), w, method)
	}
}

func (a *arnComparison) path() bool {
	path := a.x.c.ResourcePath
	if path == "/" || path == "" {
		if len(a.w) == atPath {
			return a.say(CauseRootSlash, "resource", atVerb, "The SourceArn of statement %s lacks the slash at the end: for the root resource it is …/%s/.", a.name(), a.segment(atVerb))
		}
		return a.say(CausePath, "resource", atPath, "Statement %s is for the path /%s, and the method is on the root resource.", a.name(), strings.Join(a.w[min(atPath, len(a.w)):], "/"))
	}
	if len(a.w) <= atPath {
		return a.say(CausePathMissing, "resource", atVerb, "The SourceArn of statement %s ends before the path %s.", a.name(), path)
	}
	w := strings.Join(a.w[atPath:], "/")
	g := strings.TrimPrefix(path, "/")
	switch {
	case strings.EqualFold(w, g):
		return a.say(CausePathCase, "resource", atPath, "Statement %s says /%s instead of %s: case matters.", a.name(), w, path)
	case strings.Contains("/"+w, "//"):
		return a.say(CauseDoubleSlash, "resource", atPath, "The SourceArn of statement %s has two slashes in a row; the path is %s.", a.name(), path)
	case strings.TrimSuffix(w, "/") == g:
		return a.say(CauseTrailingSlash, "resource", atPath, "The SourceArn of statement %s ends in a slash that the path %s does not have.", a.name(), path)
	case strings.HasSuffix(g, "/"+w):
		return a.say(CausePartialPath, "resource", atPath, "Statement %s names only the end of the path, /%s; it is %s.", a.name(), w, path)
	}
	return a.pathSegments(w, path)
}

// pathSegments looks for a parameter that is spelled otherwise.
func (a *arnComparison) pathSegments(w, path string) bool {
	for i := range a.e.Segments {
		s := &a.e.Segments[i]
		if s.Matched || s.Part != "resource" || s.Index < atPath || !strings.HasPrefix(s.Got, "{") || s.NoWant || s.NoGot {
			continue
		}
		if strings.HasPrefix(s.Want, "{") || strings.HasPrefix(s.Want, ":") || strings.HasPrefix(s.Want, "<") {
			return a.say(CauseParameterName, "resource", s.Index, "Statement %s writes the parameter %s as %s.", a.name(), s.Got, s.Want)
		}
		return a.say(CauseSamplePath, "resource", s.Index, "Statement %s names a path as clients send it (/%s). The SourceArn carries the resource's template, %s.", a.name(), w, path)
	}
	return a.say(CausePath, "resource", atPath, "Statement %s is for the path /%s, and the method is on %s.", a.name(), w, path)
}

// severalNote says that the statement fails in more places than the one that
// the cause names.
func (a *arnComparison) severalNote() {
	n := len(a.e.Differing())
	if n > 1 {
		a.x.note("The SourceArn of statement %s differs in %d places; the fix covers them all.", a.name(), n)
	}
}
