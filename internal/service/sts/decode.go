package sts

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/stagedoor/stagedoor/awswire"
)

// DecodeAuthorizationMessage opens an encoded message about a refusal. None of
// the services here sends one to its clients, on AWS either (EC2 does): the
// messages are those of `stagedoor why --json`. A message that was encoded
// elsewhere, or for another account, is not valid.
func (s *Service) DecodeAuthorizationMessage(ctx context.Context, in *sdk.DecodeAuthorizationMessageInput, _ ...func(*sdk.Options)) (*sdk.DecodeAuthorizationMessageOutput, error) {
	if s.callers != nil {
		if decoded, ok := s.callers.DecodeMessage(awswire.CallerFrom(ctx).Account, value(in.EncodedMessage)); ok {
			return &sdk.DecodeAuthorizationMessageOutput{DecodedMessage: &decoded}, nil
		}
	}
	text := "Message is not valid" // unverified: AWS's text
	return nil, &types.InvalidAuthorizationMessageException{Message: &text}
}
