package iam

import (
	"context"
	"crypto/rand"
	_ "embed" // the table of service-linked roles
	"encoding/hex"
	"errors"
	"strings"
	"sync"

	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

//go:embed managed/linked.txt
var linkedData string

// linkedRole is what AWS makes for a service that has roles of its own.
type linkedRole struct {
	role, policy string
	suffix       bool // a custom suffix may be given
}

var linkedRoles = sync.OnceValue(func() map[string]linkedRole {
	table := map[string]linkedRole{}
	for line := range strings.Lines(linkedData) {
		fields := strings.Fields(line)
		if len(fields) < 3 || fields[0] == "#" {
			continue
		}
		table[fields[0]] = linkedRole{role: fields[1], policy: fields[2], suffix: len(fields) > 3}
	}
	return table
})

// ServiceLinkedRole is the name of the role that CreateServiceLinkedRole makes
// for a service; ok is false for services that are not known.
func ServiceLinkedRole(service string) (name string, ok bool) {
	linked, ok := linkedRoles()[service]
	return linked.role, ok
}

// CreateServiceLinkedRole makes the role that an AWS service works with.
func (s *Service) CreateServiceLinkedRole(ctx context.Context, in *sdk.CreateServiceLinkedRoleInput, _ ...func(*sdk.Options)) (*sdk.CreateServiceLinkedRoleOutput, error) {
	service := value(in.AWSServiceName)
	linked, ok := linkedRoles()[service]
	if !ok {
		// unverified: AWS's text. Services that have service-linked roles but
		// are not in the table are refused alike.
		return nil, invalidInput("Service-linked roles are not known for " + service + ".")
	}
	name := linked.role
	if in.CustomSuffix != nil {
		if !linked.suffix {
			return nil, invalidInput("Custom suffix is not allowed for " + service) // recording test_service_role_lifecycle_custom_suffix_not_allowed
		}
		name += "_" + *in.CustomSuffix
	}
	path := serviceRolePath + service + "/"
	i, err := s.newIdentity(ctx, "role", "AROA", name, &path)
	if err != nil {
		return nil, err
	}
	role := &state.Role{
		Identity: i, Description: in.Description, MaxSessionSeconds: defaultMaxSession, Service: service,
		AssumeRolePolicyDocument: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"` + service + `"},"Action":"sts:AssumeRole"}]}`,
	}
	role.AttachedPolicies = []string{awsPolicies + "/aws-service-role/" + linked.policy}
	if _, err := store.Create(ctx, s.store, roles().keyOf(ctx, name), role); err != nil {
		if errors.Is(err, store.ErrExists) {
			// recording test_service_role_already_exists
			err = invalidInput("Service role name " + name + " has been taken in this account, please try a different suffix.")
		}
		return nil, err
	}
	answer := roleAnswer(role)
	answer.MaxSessionDuration = nil
	return &sdk.CreateServiceLinkedRoleOutput{Role: &answer}, nil
}

// DeleteServiceLinkedRole deletes such a role. AWS does so in the background;
// here it is gone when the task is answered.
func (s *Service) DeleteServiceLinkedRole(ctx context.Context, in *sdk.DeleteServiceLinkedRoleInput, _ ...func(*sdk.Options)) (*sdk.DeleteServiceLinkedRoleOutput, error) {
	name := value(in.RoleName)
	role, err := get(ctx, s, roles(), name)
	if err != nil {
		return nil, err
	}
	if role.Service == "" {
		return nil, noSuchEntity(roles().missing(name)) // unverified: AWS's answer for a role that is not service-linked
	}
	if err := store.Delete(ctx, s.store, roles().keyOf(ctx, name)); err != nil {
		return nil, absent(err, roles().missing(name))
	}
	var id [16]byte
	if _, err := rand.Read(id[:]); err != nil {
		return nil, err
	}
	h := hex.EncodeToString(id[:])
	uuid := h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-8" + h[17:20] + "-" + h[20:]
	// recording test_service_role_deletion
	task := "task" + serviceRolePath + role.Service + "/" + role.Name + "/" + uuid
	return &sdk.DeleteServiceLinkedRoleOutput{DeletionTaskId: &task}, nil
}

// GetServiceLinkedRoleDeletionStatus answers for a task of
// DeleteServiceLinkedRole: all of them have succeeded. The role's absence is
// the proof that there was one.
func (s *Service) GetServiceLinkedRoleDeletionStatus(ctx context.Context, in *sdk.GetServiceLinkedRoleDeletionStatusInput, _ ...func(*sdk.Options)) (*sdk.GetServiceLinkedRoleDeletionStatusOutput, error) {
	task := value(in.DeletionTaskId)
	parts := strings.Split(task, "/")
	if len(parts) != 5 || parts[0] != "task" || "/"+parts[1]+"/" != serviceRolePath || linkedRoles()[parts[2]].role == "" {
		return nil, noSuchEntity("Deletion task " + task + " cannot be found.") // unverified: AWS's text
	}
	return &sdk.GetServiceLinkedRoleDeletionStatusOutput{Status: types.DeletionTaskStatusTypeSucceeded}, nil
}
