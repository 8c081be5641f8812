package iam

import (
	"crypto/sha256"
	_ "embed" // the documents of AWS-managed policies
	"encoding/base32"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/internal/state"
)

const awsPolicies = "arn:aws:iam::aws:policy"

// managedData holds one AWS-managed policy a line, by name. The documents are
// AWS's, as its public endpoint showed them in spring 2026; which policies are
// here is our choice: what deploy tools attach for the services that stagedoor
// has, the common ones for others, and those of service-linked roles.
//
//go:embed managed/policies.jsonl
var managedData string

// managedPolicy is an AWS-managed policy at its default version.
type managedPolicy struct {
	Name     string    `json:"name"`
	Path     string    `json:"path"`
	Version  string    `json:"version"`
	Created  time.Time `json:"created"`
	Updated  time.Time `json:"updated"`
	document string
}

// managedPolicies parses the heads of managedData once; the documents stay
// slices of it.
var managedPolicies = sync.OnceValue(func() map[string]*managedPolicy {
	policies := map[string]*managedPolicy{}
	for line := range strings.Lines(managedData) {
		line = strings.TrimSpace(line)
		head, document, ok := strings.Cut(line, `,"document":`)
		policy := &managedPolicy{document: strings.TrimSuffix(document, "}")}
		if err := json.Unmarshal([]byte(head+"}"), policy); err != nil || !ok {
			panic(fmt.Sprintf("managed/policies.jsonl: line %q: %v", head, err))
		}
		policies[policy.arn()] = policy
	}
	return policies
})

func (p *managedPolicy) arn() string { return awsPolicies + p.Path + p.Name }

// record shows the policy in the form of a customer's.
func (p *managedPolicy) record() *state.ManagedPolicy {
	// The ids of AWS-managed policies mean nothing to anyone; these are
	// constant, but not AWS's.
	sum := sha256.Sum256([]byte(p.arn()))
	return &state.ManagedPolicy{
		Account: "aws", Path: p.Path, Name: p.Name, ARN: p.arn(),
		ID:         "ANPA" + base32.StdEncoding.EncodeToString(sum[:])[:17],
		CreateDate: p.Created, UpdateDate: p.Updated, DefaultVersion: p.Version,
		Versions: map[string]*state.PolicyVersion{p.Version: {Document: p.document, CreateDate: p.Updated}},
	}
}

// ManagedPolicy returns the document of an AWS-managed policy
// ("arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"); ok is
// false for policies that stagedoor does not bring along.
func ManagedPolicy(arn string) (document string, ok bool) {
	policy, ok := managedPolicies()[arn]
	if !ok {
		return "", false
	}
	return policy.document, true
}

// awsManaged lists the AWS-managed policies by name.
func awsManaged() []*state.ManagedPolicy {
	var list []*state.ManagedPolicy
	for _, policy := range managedPolicies() {
		list = append(list, policy.record())
	}
	slices.SortFunc(list, func(a, b *state.ManagedPolicy) int { return strings.Compare(a.Name, b.Name) })
	return list
}
