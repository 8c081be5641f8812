package state

import (
	"strings"
	"time"
)

// Prefixes of the IAM and STS records. IAM is global: no region in the keys.
const (
	Roles            Key = "iam.role"            // .account.name → Role
	Users            Key = "iam.user"            // .account.name → User
	Groups           Key = "iam.group"           // .account.name → Group
	ManagedPolicies  Key = "iam.policy"          // .account.arn → ManagedPolicy
	InstanceProfiles Key = "iam.instanceprofile" // .account.name → InstanceProfile
	AccessKeys       Key = "iam.accesskey"       // .id → AccessKey
	IAMAccounts      Key = "iam.account"         // .account → IAMAccount
	OIDCProviders    Key = "iam.oidcprovider"    // .account.name → OIDCProvider
	Sessions         Key = "sts.session"         // .access key id → Session
	MessageKey       Key = "sts.messagekey"      // → MessageSecret, the only one
)

// RoleKey names a role; IAM names are unique without regard to case, so the
// caller passes the name in lower case.
func RoleKey(account, lowerName string) Key { return Roles.Child(account, lowerName) }

// UserKey names a user, by its name in lower case.
func UserKey(account, lowerName string) Key { return Users.Child(account, lowerName) }

// GroupKey names a group, by its name in lower case.
func GroupKey(account, lowerName string) Key { return Groups.Child(account, lowerName) }

// ManagedPolicyKey names a customer-managed policy by its ARN.
func ManagedPolicyKey(account, arn string) Key { return ManagedPolicies.Child(account, arn) }

// InstanceProfileKey names an instance profile, by its name in lower case.
func InstanceProfileKey(account, lowerName string) Key {
	return InstanceProfiles.Child(account, lowerName)
}

// AccessKeyKey names a long-lived access key by its id.
func AccessKeyKey(id string) Key { return AccessKeys.Child(id) }

// OIDCProviderKey names an identity provider by OIDCProvider.Name.
func OIDCProviderKey(account, name string) Key { return OIDCProviders.Child(account, name) }

// IAMAccountKey names what IAM keeps of an account as a whole.
func IAMAccountKey(account string) Key { return IAMAccounts.Child(account) }

// SessionKey names temporary credentials by their access key id.
func SessionKey(accessKeyID string) Key { return Sessions.Child(accessKeyID) }

// Identity is what roles, users and groups have in common.
type Identity struct {
	Account             string            `json:"account"`
	Path                string            `json:"path"` // begins and ends with "/"
	Name                string            `json:"name"`
	ID                  string            `json:"id"` // AROA…, AIDA…, AGPA…
	ARN                 string            `json:"arn"`
	CreateDate          time.Time         `json:"createDate"`
	Tags                map[string]string `json:"tags,omitempty"`
	TagOrder            []string          `json:"tagOrder,omitempty"`         // keys in the order in which they were set
	InlinePolicies      map[string]string `json:"inlinePolicies,omitempty"`   // name → document
	AttachedPolicies    []string          `json:"attachedPolicies,omitempty"` // ARNs, in the order of attachment
	PermissionsBoundary string            `json:"permissionsBoundary,omitempty"`
}

// Role can be assumed by whom its trust policy names.
type Role struct {
	Identity
	Description              *string    `json:"description,omitempty"`
	AssumeRolePolicyDocument string     `json:"assumeRolePolicyDocument"`
	MaxSessionSeconds        int32      `json:"maxSessionSeconds"`
	LastUsed                 *time.Time `json:"lastUsed,omitempty"`
	LastUsedRegion           string     `json:"lastUsedRegion,omitempty"`
	// Service is the service that a service-linked role belongs to.
	Service string `json:"service,omitempty"`
}

// User is a person or a program with long-lived credentials.
type User struct {
	Identity
	Groups       []string             `json:"groups,omitempty"` // names
	LoginProfile *LoginProfile        `json:"loginProfile,omitempty"`
	Credentials  []*ServiceCredential `json:"serviceCredentials,omitempty"`
}

// LoginProfile says that a user may sign in to the console. There is no
// console to sign in to, so the password is not kept.
type LoginProfile struct {
	CreateDate            time.Time `json:"createDate"`
	PasswordResetRequired bool      `json:"passwordResetRequired,omitempty"`
}

// ServiceCredential is a user name and a password for one service that does
// not take access keys.
type ServiceCredential struct {
	ID         string    `json:"id"` // ACCA…
	Service    string    `json:"service"`
	UserName   string    `json:"userName"` // as the service knows it
	Active     bool      `json:"active"`
	CreateDate time.Time `json:"createDate"`
}

// Group lends its policies to its members (User.Groups).
type Group struct {
	Identity
}

// ManagedPolicy is a customer-managed policy. AWS-managed policies are not
// records: package iam brings them along.
type ManagedPolicy struct {
	Account        string                    `json:"account"`
	Path           string                    `json:"path"`
	Name           string                    `json:"name"`
	ID             string                    `json:"id"` // ANPA…
	ARN            string                    `json:"arn"`
	Description    string                    `json:"description,omitempty"`
	CreateDate     time.Time                 `json:"createDate"`
	UpdateDate     time.Time                 `json:"updateDate"`
	DefaultVersion string                    `json:"defaultVersion"` // "v1"
	LastVersion    int                       `json:"lastVersion"`    // number of the newest version ever made
	Versions       map[string]*PolicyVersion `json:"versions"`       // by "v1", …
	Tags           map[string]string         `json:"tags,omitempty"`
	TagOrder       []string                  `json:"tagOrder,omitempty"`
}

// PolicyVersion is one of up to five kept documents of a ManagedPolicy.
type PolicyVersion struct {
	Document   string    `json:"document"`
	CreateDate time.Time `json:"createDate"`
}

// InstanceProfile holds at most one role.
type InstanceProfile struct {
	Account    string            `json:"account"`
	Path       string            `json:"path"`
	Name       string            `json:"name"`
	ID         string            `json:"id"` // AIPA…
	ARN        string            `json:"arn"`
	CreateDate time.Time         `json:"createDate"`
	Role       string            `json:"role,omitempty"` // name
	Tags       map[string]string `json:"tags,omitempty"`
	TagOrder   []string          `json:"tagOrder,omitempty"`
}

// OIDCProvider is an identity provider whose tokens may be traded for sessions.
type OIDCProvider struct {
	Account     string            `json:"account"`
	URL         string            `json:"url"` // of the issuer, with its scheme: exactly what its tokens name as iss
	ARN         string            `json:"arn"`
	ClientIDs   []string          `json:"clientIds,omitempty"`   // audiences, in the order in which they were added
	Thumbprints []string          `json:"thumbprints,omitempty"` // of certificates; kept and shown, trusted by nobody here
	CreateDate  time.Time         `json:"createDate"`
	Tags        map[string]string `json:"tags,omitempty"`
	TagOrder    []string          `json:"tagOrder,omitempty"`
}

// Name is the provider's URL without its scheme: the end of its ARN and the
// beginning of its condition keys.
func (p *OIDCProvider) Name() string { return OIDCName(p.URL) }

// OIDCName is the name of the provider with this URL.
func OIDCName(url string) string {
	if _, name, ok := strings.Cut(url, "://"); ok {
		return name
	}
	return url
}

// AccessKey is a long-lived credential of a user.
type AccessKey struct {
	ID         string    `json:"id"` // AKIA…
	Secret     string    `json:"secret"`
	Account    string    `json:"account"`
	UserName   string    `json:"userName"`
	Active     bool      `json:"active"`
	CreateDate time.Time `json:"createDate"`
	// LastUsed is coarse: see package identity. nil: never.
	LastUsed *KeyUse `json:"lastUsed,omitempty"`
	// Deleted keys stay, without their secret: an id that was issued once must
	// not be taken for a key that nobody ever issued.
	Deleted bool `json:"deleted,omitempty"`
}

// Session is a set of temporary credentials.
type Session struct {
	AccessKeyID    string            `json:"accessKeyId"` // ASIA…
	Secret         string            `json:"secret"`
	Token          string            `json:"token"`
	Account        string            `json:"account"`
	PrincipalARN   string            `json:"principalArn"`      // arn:aws:sts::A:assumed-role/NAME/SESSION
	UserID         string            `json:"userId"`            // AROA…:SESSION
	RoleARN        string            `json:"roleArn,omitempty"` // the assumed role
	Policy         string            `json:"policy,omitempty"`  // session policy document
	PolicyARNs     []string          `json:"policyArns,omitempty"`
	Tags           map[string]string `json:"tags,omitempty"`
	TransitiveTags []string          `json:"transitiveTags,omitempty"` // keys of Tags that the next session inherits
	SourceIdentity string            `json:"sourceIdentity,omitempty"`
	// Keys are the condition keys that the session brings to each request, by
	// name: those of the identity provider's token that it was made with.
	Keys map[string][]string `json:"keys,omitempty"`
	// Issuer is the user (or root) whose rights bound a federated session.
	Issuer  string    `json:"issuer,omitempty"`
	Issued  time.Time `json:"issued,omitzero"`
	Expires time.Time `json:"expires"`
}

// MessageSecret is the key that seals the encoded messages of refusals.
type MessageSecret struct {
	Key []byte `json:"key"` // 32 bytes
}

// KeyUse is a call that was signed with an access key.
type KeyUse struct {
	Time    time.Time `json:"time"`
	Region  string    `json:"region"`
	Service string    `json:"service"` // as in the credential scope
}

// IAMAccount is what IAM keeps of an account as a whole.
type IAMAccount struct {
	Alias          string          `json:"alias,omitempty"`
	PasswordPolicy *PasswordPolicy `json:"passwordPolicy,omitempty"` // nil: AWS's default
}

// PasswordPolicy is an account's own password policy. There are no passwords
// here to hold to it.
type PasswordPolicy struct {
	MinimumLength   int32  `json:"minimumLength"`
	Symbols         bool   `json:"symbols,omitempty"`
	Numbers         bool   `json:"numbers,omitempty"`
	Uppercase       bool   `json:"uppercase,omitempty"`
	Lowercase       bool   `json:"lowercase,omitempty"`
	UsersMayChange  bool   `json:"usersMayChange,omitempty"`
	MaxAgeDays      *int32 `json:"maxAgeDays,omitempty"`
	ReusePrevention *int32 `json:"reusePrevention,omitempty"`
	HardExpiry      *bool  `json:"hardExpiry,omitempty"`
}
