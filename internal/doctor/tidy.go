package doctor

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/internal/grants"
)

// eachPolicy visits every function policy that was read, in order, with the
// statements about its owner.
func (e *exam) eachPolicy(visit func(arn, qualifier string, size int, all []statement)) {
	for _, arn := range slices.Sorted(maps.Keys(e.ledger.functions)) {
		f := e.ledger.functions[arn]
		for _, q := range slices.Sorted(maps.Keys(f.Policies)) {
			document := f.Policies[q].Policy
			owner := strings.TrimSuffix(arn+":"+q, ":")
			visit(arn, q, len(document), slices.DeleteFunc(statementsOf(document), func(s statement) bool { return !s.about(owner) }))
		}
	}
}

func policyFinding(code, arn, qualifier string) Finding {
	k := codeOf(code)
	if qualifier != "" {
		arn += ":" + qualifier
	}
	return Finding{Code: k.ID, Title: k.Title, Level: k.Level, Function: arn}
}

func functionName(arn string) string {
	_, name, ok := strings.Cut(arn, ":function:")
	if !ok {
		return arn
	}
	return name
}

// removal is the command that removes a statement; nothing for one without id.
func removal(arn, qualifier, sid string) []string {
	if sid == "" {
		return nil
	}
	return []string{newCommand("lambda", "remove-permission", "region", regionOf(arn), "function-name", functionName(arn),
		"qualifier", qualifier, "statement-id", sid).String()}
}

func quoted(s *statement) string {
	if s.sid == "" {
		return "without id"
	}
	return fmt.Sprintf("%q", s.sid)
}

// statements reports those that do nothing: for an API that does not exist,
// doubled, or covered by a wider one.
func (e *exam) statements() []Finding {
	var out []Finding
	e.eachPolicy(func(arn, qualifier string, _ int, all []statement) {
		for i := range all {
			reason := e.idle(all, i)
			if reason == "" {
				continue
			}
			f := policyFinding(idleStatement, arn, qualifier)
			f.Sentence = fmt.Sprintf("Statement %s in the policy of %s does nothing: %s.", quoted(&all[i]), short(f.Function), reason)
			f.Fix = removal(arn, qualifier, all[i].sid)
			out = append(out, f)
		}
	})
	return out
}

// idle says why statement i does nothing; "" when it does something. Of two
// that cover each other the later one is idle.
func (e *exam) idle(all []statement, i int) string {
	s := &all[i]
	if id, gone := e.goneAPI(s); gone {
		return "the API " + id + " does not exist"
	}
	for j := range all {
		switch {
		case j == i || all[j].open() || !all[j].covers(s):
		case !s.covers(&all[j]):
			return "statement " + quoted(&all[j]) + " allows the same and more"
		case j < i:
			return "statement " + quoted(&all[j]) + " is the same"
		}
	}
	return ""
}

// goneAPI reports whether all that a statement is for are APIs of this account
// and region that do not exist.
func (e *exam) goneAPI(s *statement) (string, bool) {
	if !s.forGateway() || len(s.sources) == 0 || e.unlistedAPIs() {
		return "", false
	}
	gone := ""
	for _, source := range s.sources {
		id := apiIn(source)
		if id == "" || accountOf(source) != e.account || regionOf(source) != e.region ||
			slices.ContainsFunc(e.apis, func(a *api) bool { return a.id == id }) {
			return "", false
		}
		gone = id
	}
	return gone, true
}

// unlistedAPIs reports whether there may be APIs that were not listed. A place
// that does not know the operation has none.
func (e *exam) unlistedAPIs() bool {
	for _, u := range e.dump.Unread {
		if u.Operation == "GetApis" && u.Code != "UnsupportedOperation" {
			return true
		}
	}
	return false
}

// cellsOf are the cells of the APIs that the SourceArns name, or all of them
// where one names no API exactly.
func (e *exam) cellsOf(sources []string) []*Cell {
	if e.byAPI == nil {
		e.byAPI = map[string][]*Cell{}
		for i := range e.cells {
			c := &e.cells[i]
			e.byAPI[c.API] = append(e.byAPI[c.API], c)
			e.byAPI[""] = append(e.byAPI[""], c)
		}
	}
	var out []*Cell
	ids := map[string]bool{}
	for _, source := range sources {
		ids[apiIn(source)] = true
	}
	if ids[""] || len(ids) == 0 {
		return e.byAPI[""]
	}
	for id := range ids {
		out = append(out, e.byAPI[id]...)
	}
	return out
}

// usesOf are the cells that a statement's SourceArn covers, and of those the
// ones that call its function.
func (e *exam) usesOf(function string, s *statement) (covered, calling []*Cell) {
	for _, c := range e.cellsOf(s.sources) {
		source := c.SourceARN
		if source == "" && c.method != nil {
			source = e.sourceARN(c.stage.api.kind, c.Stage, c.method, e.region, c.API)
		}
		matches := len(s.sources) == 0 || slices.ContainsFunc(s.sources, func(p string) bool { return arnCovers(p, source) })
		if source == "" || !matches {
			continue
		}
		covered = append(covered, c)
		if c.Function == function {
			calling = append(calling, c)
		}
	}
	return covered, calling
}

// wideGrants reports statements for a whole API of which only some methods call
// the function.
func (e *exam) wideGrants() []Finding {
	var out []Finding
	e.eachPolicy(func(arn, qualifier string, _ int, all []statement) {
		for i := range all {
			s := &all[i]
			if !s.forGateway() || len(s.sources) == 0 || !strings.Contains(strings.Join(s.sources, ""), "*") {
				continue
			}
			if slices.ContainsFunc(all, func(other statement) bool { return other.sid != s.sid && s.covers(&other) }) {
				continue // said already, of the narrower ones
			}
			f := policyFinding(widerThanNeeded, arn, qualifier)
			covered, calling := e.usesOf(f.Function, s)
			wide, used := methodsOf(covered), methodsOf(calling)
			if len(used) == 0 || len(used) == len(wide) {
				continue
			}
			f.Sentence = fmt.Sprintf("Statement %s lets %d methods call %s, and %d of them do.", quoted(s), len(wide), short(f.Function), len(used))
			f.Evidence = []Fact{{"SourceArn", strings.Join(s.sources, ", ")}, {"used by", list(used)}}
			f.Fix = append(e.narrowed(f.Function, s, all), removal(arn, qualifier, s.sid)...)
			out = append(out, f)
		}
	})
	return out
}

func methodsOf(cells []*Cell) []string {
	var names []string
	for _, c := range cells {
		names = append(names, c.API+" "+c.Method)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// narrowed are grants for exactly the methods that need a wide statement: those
// that no other statement allows.
func (e *exam) narrowed(function string, s *statement, all []statement) []string {
	_, calling := e.usesOf(function, s)
	var out []string
	for _, c := range calling {
		if c.Credentials != "" || e.coveredByOther(c, s, all) {
			continue
		}
		cmd := e.exactGrant(c)
		if line := cmd.String(); !slices.Contains(out, line) {
			out = append(out, line)
		}
	}
	return out
}

func (e *exam) coveredByOther(c *Cell, but *statement, all []statement) bool {
	for i := range all {
		if o := &all[i]; o != but && o.forGateway() && slices.Equal(o.resources, but.resources) && slices.ContainsFunc(o.sources, func(p string) bool { return arnCovers(p, c.SourceARN) }) {
			return true
		}
	}
	return false
}

// exactGrant grants one method on every stage.
func (e *exam) exactGrant(c *Cell) *command {
	id, source := "", c.SourceARN
	if c.method != nil && c.call.Method != "" {
		verb := c.call.Method
		if verb == "ANY" {
			verb = "*"
		}
		source = grants.SourceARN(c.to.region, e.account, c.API, "*", verb, c.method.path)
		id = grants.StatementID(&c.call)
	}
	cmd := newCommand("lambda", "add-permission", "region", c.to.region, "function-name", functionName(c.to.arn), "qualifier", c.to.qualifier,
		"statement-id", orNone(id, "apigateway"), "action", grants.InvokeAction, "principal", grants.GatewayPrincipal, "source-arn", source)
	e.reshape(c, cmd)
	return cmd
}
