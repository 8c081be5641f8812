package iam

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/stagedoor/stagedoor/awswire"
)

// Keys, certificates and devices that stagedoor has no operation to make: the
// lists of them are truthfully empty. Terraform asks for all of them before it
// deletes a user.

func isRoot(ctx context.Context) bool { return awswire.CallerFrom(ctx).Root }

// ofUser checks that the user exists whom a list is about; the root has
// nothing and is not looked up.
func (s *Service) ofUser(ctx context.Context, given *string) error {
	if given == nil && isRoot(ctx) {
		return nil
	}
	name, err := userName(ctx, given)
	if err != nil {
		return err
	}
	_, err = get(ctx, s, users(), name)
	return err
}

// ListSSHPublicKeys lists the SSH keys of a user: there are none.
func (s *Service) ListSSHPublicKeys(ctx context.Context, in *sdk.ListSSHPublicKeysInput, _ ...func(*sdk.Options)) (*sdk.ListSSHPublicKeysOutput, error) {
	return &sdk.ListSSHPublicKeysOutput{SSHPublicKeys: []types.SSHPublicKeyMetadata{}}, s.ofUser(ctx, in.UserName)
}

// ListSigningCertificates lists the certificates of a user: there are none.
func (s *Service) ListSigningCertificates(ctx context.Context, in *sdk.ListSigningCertificatesInput, _ ...func(*sdk.Options)) (*sdk.ListSigningCertificatesOutput, error) {
	return &sdk.ListSigningCertificatesOutput{Certificates: []types.SigningCertificate{}}, s.ofUser(ctx, in.UserName)
}

// ListMFADevices lists the MFA devices of a user: there are none.
func (s *Service) ListMFADevices(ctx context.Context, in *sdk.ListMFADevicesInput, _ ...func(*sdk.Options)) (*sdk.ListMFADevicesOutput, error) {
	return &sdk.ListMFADevicesOutput{MFADevices: []types.MFADevice{}}, s.ofUser(ctx, in.UserName)
}

// ListVirtualMFADevices lists the virtual MFA devices of the account: there
// are none.
func (s *Service) ListVirtualMFADevices(_ context.Context, _ *sdk.ListVirtualMFADevicesInput, _ ...func(*sdk.Options)) (*sdk.ListVirtualMFADevicesOutput, error) {
	return &sdk.ListVirtualMFADevicesOutput{VirtualMFADevices: []types.VirtualMFADevice{}}, nil
}

// ListSAMLProviders lists the SAML providers: there are none.
func (s *Service) ListSAMLProviders(_ context.Context, _ *sdk.ListSAMLProvidersInput, _ ...func(*sdk.Options)) (*sdk.ListSAMLProvidersOutput, error) {
	return &sdk.ListSAMLProvidersOutput{SAMLProviderList: []types.SAMLProviderListEntry{}}, nil
}
