package state

import "time"

// Prefixes of the Lambda records.
const (
	Functions        Key = "lambda.function" // .account.region.name → Function
	FunctionVersions Key = "lambda.version"  // .account.region.name.version → FunctionVersion
	// DeletedFunctions remember the version numbers that deleted functions used.
	DeletedFunctions Key = "lambda.deleted" // .account.region.name → DeletedFunction
)

// FunctionKey names the Function called name.
func FunctionKey(account, region, name string) Key {
	return Functions.Child(account, region, name)
}

// FunctionVersionKey names one published version; version is a decimal number.
func FunctionVersionKey(account, region, name, version string) Key {
	return FunctionVersions.Child(account, region, name, version)
}

// DeletedFunctionKey names what is kept of a deleted function.
func DeletedFunctionKey(account, region, name string) Key {
	return DeletedFunctions.Child(account, region, name)
}

// DeletedFunction is what outlives a function that had published versions:
// Lambda never reuses version numbers, not even for a function deleted and
// created again under its name (LDG configuration-versions).
type DeletedFunction struct {
	LastVersion int `json:"lastVersion"`
}

// Function is one Lambda function: its $LATEST configuration, its aliases and
// the resource policies of every qualifier.
type Function struct {
	Account string `json:"account"`
	Region  string `json:"region"`
	Name    string `json:"name"`
	// ID is new with every CreateFunction: a function deleted and created
	// again under its old name is another function, and whatever was kept for
	// the first (published versions) does not belong to the second.
	ID          string                     `json:"id"`
	Latest      FunctionConfig             `json:"latest"`
	LastVersion int                        `json:"lastVersion,omitempty"` // number of the newest version ever published
	Aliases     map[string]*Alias          `json:"aliases,omitempty"`
	Policies    map[string]*FunctionPolicy `json:"policies,omitempty"` // by qualifier; "" is the unqualified function
	Tags        map[string]string          `json:"tags,omitempty"`
	// ReservedConcurrency is nil when none is reserved; 0 stops the function.
	ReservedConcurrency *int32 `json:"reservedConcurrency,omitempty"`
}

// FunctionVersion is an immutable, published version of a Function.
type FunctionVersion struct {
	FunctionID string         `json:"functionId"`
	Config     FunctionConfig `json:"config"`
	// SourceDescription is the description that $LATEST had when this version
	// was published; Config has the version's own. PublishVersion compares it
	// to find out whether $LATEST changed since.
	SourceDescription string `json:"sourceDescription,omitempty"`
}

// FunctionConfig is what GetFunctionConfiguration answers, for $LATEST or for
// one published version.
type FunctionConfig struct {
	Version             string            `json:"version"` // "$LATEST" or a number
	Description         string            `json:"description,omitempty"`
	Runtime             string            `json:"runtime,omitempty"`
	Handler             string            `json:"handler,omitempty"`
	Role                string            `json:"role"`
	PackageType         string            `json:"packageType"` // "Zip"
	Architectures       []string          `json:"architectures"`
	MemoryMB            int32             `json:"memoryMB"`
	TimeoutSeconds      int32             `json:"timeoutSeconds"`
	EphemeralStorageMB  int32             `json:"ephemeralStorageMB"`
	Environment         map[string]string `json:"environment"` // nil: never set
	TracingMode         string            `json:"tracingMode"` // "PassThrough" or "Active"
	LogGroup            string            `json:"logGroup"`
	LogFormat           string            `json:"logFormat"` // "Text" or "JSON"
	ApplicationLogLevel string            `json:"applicationLogLevel,omitempty"`
	SystemLogLevel      string            `json:"systemLogLevel,omitempty"`
	KMSKeyARN           string            `json:"kmsKeyArn,omitempty"`
	SourceKMSKeyARN     string            `json:"sourceKmsKeyArn,omitempty"` // of the code package
	DeadLetterTargetARN string            `json:"deadLetterTargetArn,omitempty"`
	VPCSubnetIDs        []string          `json:"vpcSubnetIds,omitempty"`
	VPCSecurityGroupIDs []string          `json:"vpcSecurityGroupIds,omitempty"`
	SnapStart           string            `json:"snapStart,omitempty"` // ApplyOn: "None" or "PublishedVersions"
	CodeDigest          string            `json:"codeDigest"`          // SHA-256 of the zip, hexadecimal: the name of its blob
	CodeSHA256          string            `json:"codeSha256"`          // the same in base64, as AWS shows it
	CodeSize            int64             `json:"codeSize"`            // bytes
	RevisionID          string            `json:"revisionId"`
	LastModified        time.Time         `json:"lastModified"`
	// State and LastUpdateStatus are what waiters of the SDKs watch:
	// Pending → Active or Failed, InProgress → Successful or Failed.
	State                  string `json:"state"`
	StateReason            string `json:"stateReason,omitempty"`
	StateReasonCode        string `json:"stateReasonCode,omitempty"`
	LastUpdateStatus       string `json:"lastUpdateStatus"`
	LastUpdateStatusReason string `json:"lastUpdateStatusReason,omitempty"`
	// Settling is set by the last creation or update. It says for how long
	// the API shows it as going on; see Settling.
	Settling *Settling `json:"settling,omitempty"`
}

// Settling makes the control plane answer for a moment as AWS does while it
// prepares a function: Pending after a creation, InProgress after an update.
// The fields of FunctionConfig beside it already hold what is true afterwards,
// so nobody has to write a second time, a crash leaves nothing half done, and
// who runs functions need not look at it.
type Settling struct {
	Until      time.Time `json:"until"`
	Creating   bool      `json:"creating,omitempty"` // State Pending; else LastUpdateStatus InProgress
	RevisionID string    `json:"revisionId"`         // shown until then; AWS changes it when it is done
}

// Alias points at a version of its function, or shares calls between two.
type Alias struct {
	Name            string             `json:"name"`
	FunctionVersion string             `json:"functionVersion"`
	Description     string             `json:"description"`
	RoutingWeights  map[string]float64 `json:"routingWeights,omitempty"` // version → share in 0..1
	RevisionID      string             `json:"revisionId"`
}

// FunctionPolicy is the resource policy of one qualifier.
type FunctionPolicy struct {
	// Document is the policy as GetPolicy answers it: AWS's JSON with the
	// statements in the order in which they were added.
	Document   string `json:"document"`
	RevisionID string `json:"revisionId"`
}
