package sts

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/stagedoor/stagedoor/iampolicy"
	"github.com/stagedoor/stagedoor/internal/state"
)

// maxPolicyARNs is how many managed policies a session may have (API Reference,
// AssumeRole).
const maxPolicyARNs = 10

// checkSessionPolicies judges what bounds a session of an account: an inline
// policy that is one, managed policies that exist, and the room for them and
// the session's tags.
func (s *Service) checkSessionPolicies(account string, document *string, list []types.PolicyDescriptorType, tags map[string]string) error {
	if err := checkSessionPolicy(document); err != nil {
		return err
	}
	arns := policyARNs(list)
	if len(arns) > maxPolicyARNs {
		return validation("1 validation error detected: Value '" + fmt.Sprint(arns) + "' at 'policyArns' failed to satisfy constraint: Member must have length less than or equal to 10")
	}
	for _, arn := range arns {
		if err := checkARN(arn); err != nil {
			return err
		}
		// They must exist in the account of the role (API Reference).
		parts := strings.SplitN(arn, ":", 6)
		if parts[4] != "aws" && parts[4] != account || s.callers != nil && !s.callers.ManagedPolicy(arn) {
			// unverified: AWS's code and text; IAM says it so
			return validation("Policy " + arn + " does not exist or is not attachable.")
		}
	}
	size := packedSize(&state.Session{Policy: value(document), PolicyARNs: arns, Tags: tags}, true)
	if *size <= 100 {
		return nil
	}
	text := fmt.Sprintf("Packed policy consumes %d%% of allotted space, please use smaller policy.", *size) // public threads of session policies
	if document == nil && len(arns) == 0 {
		text = fmt.Sprintf("Packed size of session tags consumes %d%% of allotted space.", *size) // aws-actions/configure-aws-credentials#1803
	}
	return &types.PackedPolicyTooLargeException{Message: &text}
}

func policyARNs(list []types.PolicyDescriptorType) []string {
	var arns []string
	for _, p := range list {
		arns = append(arns, value(p.Arn))
	}
	return arns
}

// checkSessionPolicy refuses a session policy that is none.
func checkSessionPolicy(document *string) error {
	if document == nil {
		return nil
	}
	if _, err := iampolicy.Parse([]byte(*document)); err != nil {
		text := "Syntax errors in policy." // unverified for STS
		return &types.MalformedPolicyDocumentException{Message: &text}
	}
	return nil
}

// packedRoom is how many bytes packedSize takes for all there is.
//
// unverified: AWS's packed form and its room are not public. The six session
// tags of EKS Pod Identity, some 320 characters, take 74 per cent of it
// (aws/containers-roadmap#2413); here they take less, so that what AWS accepts is
// not refused.
const packedRoom = 640

// packedSize is an estimate of how much of the room for session policies and
// tags is used, in per cent; nil where AWS leaves it out: without any, unless
// always says so. AWS packs them into a binary form of its own; the estimate
// counts each string with a byte for its length and, in policies, names of
// elements as one byte, and takes what deflate makes of policies.
func packedSize(s *state.Session, always bool) *int32 {
	if s.Policy == "" && len(s.PolicyARNs) == 0 && len(s.Tags) == 0 && !always {
		return nil
	}
	var raw bytes.Buffer
	add := func(text string) {
		raw.WriteByte(byte(len(text)))
		raw.WriteString(text)
	}
	if s.Policy != "" {
		packPolicy(s.Policy, &raw, add)
	}
	for _, arn := range s.PolicyARNs {
		add(arn)
	}
	size := min(raw.Len(), deflated(raw.Bytes()))
	for key, text := range s.Tags {
		size += len(key) + len(text) + 2
	}
	percent := int32((size*100 + packedRoom - 1) / packedRoom)
	return &percent
}

// packPolicy writes a policy's strings, and a byte for each name.
func packPolicy(document string, raw *bytes.Buffer, add func(string)) {
	decoder := json.NewDecoder(strings.NewReader(document))
	for {
		token, err := decoder.Token()
		if err != nil {
			return
		}
		switch text, ok := token.(string); {
		case ok && knownNames()[text]:
			raw.WriteByte(1)
		case ok:
			add(text)
		}
	}
}

func knownNames() map[string]bool {
	return map[string]bool{
		"Version": true, "2012-10-17": true, "2008-10-17": true, "Id": true, "Statement": true, "Sid": true, "Effect": true, "Allow": true, "Deny": true,
		"Action": true, "NotAction": true, "Resource": true, "NotResource": true, "Condition": true,
	}
}

func deflated(raw []byte) int {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		return len(raw)
	}
	if _, err := w.Write(raw); err != nil || w.Close() != nil {
		return len(raw)
	}
	return out.Len()
}
