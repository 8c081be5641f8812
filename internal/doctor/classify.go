package doctor

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/state"
)

// byCause are the codes that follow from the cause alone.
var byCause = sync.OnceValue(func() map[string]string {
	return map[string]string{
		grants.CauseGrantOnFunction:  onBareFunction,
		grants.CauseGrantOnQualifier: onQualifier,
		grants.CauseDenied:           explicitDeny,
		grants.CausePolicyUnreadable: unreadablePolicy,
		grants.CausePrincipal:        wrongElement,
		grants.CauseAction:           wrongElement,
		grants.CauseResource:         wrongElement,
		grants.CauseSourceAccount:    wrongElement,
		grants.CauseCondition:        otherCondition,
		grants.CauseMalformedARN:     malformedARN,
		grants.CauseService:          malformedARN,
		grants.CauseLiteralStar:      malformedARN,
		grants.CauseRegion:           wrongRegion,
		grants.CauseAccount:          wrongAccount,
		grants.CauseAccountEmpty:     wrongAccount,
		grants.CauseNoWildcard:       endsAtAPI,
		grants.CauseLogicalID:        logicalID,
		grants.CauseOtherAPI:         otherAPI,
		grants.CauseAuthorizer:       noStatement,
		grants.CauseTestStage:        testRefused,
		grants.CauseOnlyTestStage:    otherStage,
		grants.CauseMissingStage:     wrongStage,
		grants.CauseExtraSegment:     extraSegment,
		grants.CauseVerb:             otherVerb,
		grants.CauseVerbCase:         anyLiteral,
		grants.CauseAnyLiteral:       anyLiteral,
		grants.CauseVerbOnAny:        verbOnAny,
		grants.CauseRootSlash:        rootSlash,
		grants.CausePathMissing:      wrongPath,
		grants.CauseSamplePath:       wrongPath,
		grants.CauseParameterName:    wrongPath,
		grants.CausePathCase:         wrongPath,
		grants.CausePath:             wrongPath,
		grants.CausePartialPath:      partOfPath,
		grants.CauseDoubleSlash:      partOfPath,
		grants.CauseTrailingSlash:    partOfPath,
		grants.CauseRoleMissing:      roleTrust,
		grants.CauseRoleTrust:        roleTrust,
		grants.CauseRoleTrustKeys:    trustSourceKeys,
		grants.CauseRolePolicy:       rolePolicy,
		grants.CauseRoleQualifier:    rolePolicy,
		grants.CauseRoleBoundary:     roleBoundary,
		grants.CauseCrossAccount:     crossAccount,
		grants.CauseCaller:           callerRights,
		grants.CauseQualifierMissing: qualifierMissing,
	}
})

// classify names the finding of a cell that does not pass.
func (e *exam) classify(c *Cell) {
	switch {
	case c.Verdict == Passes || c.Code != "":
	case c.Verdict == Undecided:
		c.Code = cannotDecide
	case len(c.undefined) > 0:
		c.Code = undefinedVar
	case c.Verdict == Broken:
		c.Code = badURI
	default:
		c.Code = e.refusalCode(c)
	}
}

func (e *exam) refusalCode(c *Cell) string {
	cause := c.Decision.Cause.Code
	code := byCause()[cause]
	switch {
	case c.to.qualifier == "$LATEST":
		return latestQualifier
	case e.liveWouldPass(c):
		return notDeployed
	case cause == grants.CauseFunctionMissing:
		return functionMissing
	case e.replaced(c):
		return policyReplaced
	case code == otherAPI && e.knownAPI(c), code == "":
		code = e.absentCode(c, cause)
	}
	if cause == grants.CauseStage {
		code = e.stageCode(c)
	}
	if c.authorizer != nil || c.stage.api.kind != restKind {
		code = e.kindCode(c, code)
	}
	if e.idTaken(c) {
		return statementIDTaken
	}
	return code
}

// knownAPI reports whether the nearest statement is for another API that
// exists: then it is simply not about this one.
func (e *exam) knownAPI(c *Cell) bool {
	s := c.Decision.Cause.Segment
	return s != nil && slices.ContainsFunc(e.apis, func(a *api) bool { return a.id == s.Want })
}

// absentCode tells the reasons why there is no statement for the call.
func (e *exam) absentCode(c *Cell, cause string) string {
	f := e.ledger.functions[c.to.arn]
	switch {
	case cause == grants.CauseOtherQualifier:
		if holder := e.holder(c); number(holder) > 0 {
			return otherVersion
		}
		return onBareFunction
	case c.to.account != e.account:
		return crossAccount
	case c.authorizer == nil && c.method != nil && len(state.VariablesIn(c.method.uri)) > 0:
		if e.grantedElsewhere(c) {
			return someStagesOnly
		}
		return variableInName
	// API Gateway tells whole seconds.
	case f != nil && len(f.Policies) == 0 && !c.stage.deployed.IsZero() && changed(f).Truncate(time.Second).After(c.stage.deployed):
		return policyLost
	default:
		return noStatement
	}
}

// holder is the qualifier whose policy has the statement that is nearest.
func (e *exam) holder(c *Cell) string {
	for _, p := range c.Decision.Policies {
		if p.Owner != c.Function && strings.HasPrefix(p.Owner, c.to.arn+":") {
			return strings.TrimPrefix(p.Owner, c.to.arn+":")
		}
	}
	return ""
}

// grantedElsewhere reports whether the same method passes on another stage:
// that stage's function has the grant which this one lacks.
func (e *exam) grantedElsewhere(c *Cell) bool {
	return slices.ContainsFunc(e.cellsOf([]string{c.SourceARN}), func(other *Cell) bool {
		return other.Method == c.Method && other.Stage != c.Stage && other.Verdict == Passes && other.Function != c.Function
	})
}

// stageCode tells a grant for another of the API's stages from one for a stage
// that there is not.
func (e *exam) stageCode(c *Cell) string {
	s := c.Decision.Cause.Segment
	if s == nil {
		return wrongStage
	}
	for _, other := range c.stage.api.stages {
		if other.name == s.Want {
			return otherStage
		}
	}
	return wrongStage
}

// kindCode is the code of authorizers, HTTP and WebSocket APIs where the
// SourceArn has another shape. What is wrong with function, principal or role
// keeps its code.
func (e *exam) kindCode(c *Cell, code string) string {
	if !slices.Contains(aboutSourceARN, code) {
		return code
	}
	switch {
	case c.authorizer != nil && len(state.VariablesIn(c.authorizer.uri)) > 0:
		return authorizerByVar
	case c.authorizer != nil:
		return authorizerGrant
	case c.stage.api.kind == webSocketKind:
		return webSocketRoute
	case c.method.verb == "":
		return defaultRoute
	case code == verbOnAny:
		return httpAnyRoute
	default:
		return code
	}
}

// aboutSourceARN are the codes that say something of the SourceArn's segments,
// which only methods of REST APIs have.
var aboutSourceARN = []string{
	noStatement, variableInName, someStagesOnly, verbOnAny, anyLiteral, wrongPath, partOfPath, rootSlash, wrongStage,
	otherStage, extraSegment, endsAtAPI, policyLost, otherVerb,
}

// liveWouldPass reports whether the method as it is now configured, but not
// deployed, may call its function.
func (e *exam) liveWouldPass(c *Cell) bool {
	if c.stage.fromLive || c.method == nil || !slices.Contains(c.stage.changed, c.Method) {
		return false
	}
	for _, live := range c.stage.api.live {
		if live.name() != c.Method {
			continue
		}
		other := e.methodCell(c.stage, live, variant{name: c.Share, values: e.variablesOf(c)})
		return other.Verdict == Passes
	}
	return false
}

func (e *exam) variablesOf(c *Cell) map[string]string {
	if c.Share != "" {
		return c.stage.canary.variables
	}
	return c.stage.variables
}

// idTaken reports whether the statement id that a grant for this method gets is
// taken by another statement. Adding it again is refused with 409, and scripts
// that swallow that keep the old ARN (denials.md cause 28).
func (e *exam) idTaken(c *Cell) bool {
	s := c.Decision.NearestMiss()
	return s != nil && !s.Matched && s.Sid != "" && c.method != nil && c.call.Method != "" && s.Sid == grants.StatementID(&c.call)
}
