package doctor

import "slices"

// Code is one kind of finding. SD001 to SD052 are the rows of docs/causes.md;
// from SD100 on are findings beside them. Codes are never reused.
type Code struct {
	ID    string
	Title string
	Level Level
}

// The codes that this package reports.
const (
	noStatement      = "SD001"
	variableInName   = "SD002"
	someStagesOnly   = "SD003"
	onBareFunction   = "SD004"
	onQualifier      = "SD005"
	verbOnAny        = "SD006"
	anyLiteral       = "SD007"
	logicalID        = "SD008"
	wrongPath        = "SD009"
	partOfPath       = "SD010"
	rootSlash        = "SD011"
	wrongStage       = "SD012"
	testRefused      = "SD013"
	otherStage       = "SD014"
	extraSegment     = "SD015"
	endsAtAPI        = "SD016"
	wrongAccount     = "SD017"
	defaultRoute     = "SD018"
	httpAnyRoute     = "SD019"
	webSocketRoute   = "SD020"
	authorizerGrant  = "SD021"
	authorizerByVar  = "SD022"
	roleTrust        = "SD023"
	rolePolicy       = "SD024"
	callerRights     = "SD025"
	policyTooLarge   = "SD026"
	idleStatement    = "SD027"
	statementIDTaken = "SD028"
	policyLost       = "SD029"
	otherAPI         = "SD030"
	otherVersion     = "SD032"
	latestQualifier  = "SD033"
	crossAccount     = "SD034"
	wrongRegion      = "SD035"
	wrongElement     = "SD036"
	notPOST          = "SD037"
	badURI           = "SD038"
	undefinedVar     = "SD039"
	notDeployed      = "SD040"
	streamingMixed   = "SD042"
	keyAccess        = "SD043"
	resourcePolicy   = "SD044"
	callerInvoke     = "SD045"
	wrongURL         = "SD046"
	noLogRole        = "SD048"
	openGrant        = "SD049"
	policyReplaced   = "SD050"
	trustSourceKeys  = "SD051"
	functionURL      = "SD052"

	cannotDecide     = "SD100"
	functionMissing  = "SD101"
	qualifierMissing = "SD102"
	explicitDeny     = "SD103"
	unreadablePolicy = "SD104"
	otherCondition   = "SD105"
	otherVerb        = "SD106"
	malformedARN     = "SD107"
	roleBoundary     = "SD108"
	unusedVariable   = "SD109"
	illegalVariable  = "SD110"
	widerThanNeeded  = "SD111"
	noIntegration    = "SD112"
)

// Codes lists every code in order.
func Codes() []Code {
	return []Code{
		{noStatement, "no grant at all", Error},
		{variableInName, "no function behind a stage variable is granted", Error},
		{someStagesOnly, "only some stages' functions are granted", Error},
		{onBareFunction, "the grant is not on the alias that is called", Error},
		{onQualifier, "the grant is on an alias, the bare function is called", Error},
		{verbOnAny, "a verb is granted, the method is ANY", Error},
		{anyLiteral, "ANY or a verb in the wrong case is granted", Error},
		{logicalID, "a name from a template in place of the API's id", Error},
		{wrongPath, "another path than the resource's template", Error},
		{partOfPath, "only a part of the path, or its slashes are wrong", Error},
		{rootSlash, "the root's slash at the end is missing", Error},
		{wrongStage, "the grant names no stage of the API", Error},
		{testRefused, "the console's Test is refused", Warning},
		{otherStage, "the grant is for another stage", Error},
		{extraSegment, "the SourceArn has one segment too many", Error},
		{endsAtAPI, "the SourceArn ends at the API's id", Error},
		{wrongAccount, "the SourceArn names no account, or another", Error},
		{defaultRoute, "the $default route has two segments", Error},
		{httpAnyRoute, "a verb is granted, the route is ANY", Error},
		{webSocketRoute, "the WebSocket route is not granted", Error},
		{authorizerGrant, "the authorizer's function is not granted", Error},
		{authorizerByVar, "an authorizer's function behind a stage variable is not granted", Error},
		{roleTrust, "the role cannot be assumed", Error},
		{rolePolicy, "the role may not invoke the function", Error},
		{callerRights, "the caller may not invoke the function", Error},
		{policyTooLarge, "the function's policy reaches its limit", Warning},
		{idleStatement, "a statement does nothing", Info},
		{statementIDTaken, "the statement id is taken by another grant", Error},
		{policyLost, "the function was made anew and lost its policy", Error},
		{otherAPI, "the grant is for another API", Error},
		{otherVersion, "the grant is on another version", Error},
		{latestQualifier, "$LATEST cannot be granted", Error},
		{crossAccount, "the function's account does not allow the call", Error},
		{wrongRegion, "the grant is for another region", Error},
		{wrongElement, "principal, action or account of the grant is wrong", Error},
		{notPOST, "Lambda is called by POST only", Error},
		{badURI, "the integration's URI is malformed", Error},
		{undefinedVar, "a stage variable is not defined", Error},
		{notDeployed, "the live configuration is not deployed", Warning},
		{streamingMixed, "streaming and buffering are mixed", Error},
		{keyAccess, "the function's key is not accessible", Error},
		{resourcePolicy, "the API's resource policy refuses", Error},
		{callerInvoke, "the caller may not call the API", Error},
		{wrongURL, "there is no such method at this URL", Error},
		{noLogRole, "execution logs cannot be written", Info},
		{openGrant, "any account's API may call the function", Warning},
		{policyReplaced, "the policy was replaced as a whole", Error},
		{trustSourceKeys, "the trust policy demands what API Gateway does not send", Error},
		{functionURL, "the function's URL is allowed by halves", Error},
		{cannotDecide, "cannot decide", Warning},
		{functionMissing, "there is no such function", Error},
		{qualifierMissing, "there is no such alias or version", Error},
		{explicitDeny, "a statement denies the call", Error},
		{unreadablePolicy, "the policy cannot be read", Error},
		{otherCondition, "a condition of the grant does not hold", Error},
		{otherVerb, "the grant is for another verb", Error},
		{malformedARN, "the SourceArn of the grant is malformed", Error},
		{roleBoundary, "the role's permissions boundary refuses", Error},
		{unusedVariable, "no integration names the stage variable", Info},
		{illegalVariable, "the stage variable is illegal", Warning},
		{widerThanNeeded, "the grant is wider than needed", Info},
		{noIntegration, "the method has no integration", Error},
	}
}

func codeOf(id string) Code {
	codes := Codes()
	at := slices.IndexFunc(codes, func(c Code) bool { return c.ID == id })
	if at < 0 {
		return Code{ID: id, Title: id, Level: Error}
	}
	return codes[at]
}
