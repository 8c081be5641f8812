package lambda

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"maps"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// CreateFunction makes a function, and its version 1 at once when asked to
// publish.
func (s *Service) CreateFunction(ctx context.Context, in *lambda.CreateFunctionInput, _ ...func(*lambda.Options)) (*lambda.CreateFunctionOutput, error) {
	t, err := resolveOwn(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, err
	}
	if t.qualifier != "" {
		return nil, invalid(msgFunctionsOnly) // unverified
	}
	fn, err := s.newFunction(t, in)
	if err != nil {
		return nil, err
	}
	if err := s.storeCode(ctx, &fn.Latest, in.Code.ZipFile); err != nil {
		return nil, err
	}
	var ops []store.Op
	if in.Publish {
		version := s.newVersion(fn, nil, true)
		fn.LastVersion++
		ops = append(ops, store.PutOp(t.versionKey(version.Config.Version), version, 0))
	}
	if len(ops) == 0 { // a single write is much cheaper than a batch
		_, err = store.Create(ctx, s.store, t.key(), fn)
	} else {
		err = store.Apply(ctx, s.store, append(ops, store.CreateOp(t.key(), fn))...)
	}
	if errors.Is(err, store.ErrExists) || errors.Is(err, store.ErrConflict) {
		return nil, conflict("Function already exist: %s", t.name) // hashicorp/terraform#15929 quotes the sentence
	}
	if err != nil {
		return nil, err
	}
	out := output[lambda.CreateFunctionOutput](describeStarted(t, &fn.Latest))
	if in.Publish { // AWS recording test_publish_version_on_create
		out.Version = new(fmtVersion(fn.LastVersion))
	}
	return out, nil
}

// newFunction makes the record of a new function, without its code.
func (s *Service) newFunction(t target, in *lambda.CreateFunctionInput) (*state.Function, error) {
	if err := creatable(in); err != nil {
		return nil, err
	}
	settings := createSettings(in)
	if err := s.check(settings, t.account); err != nil {
		return nil, err
	}
	if len(in.Tags) > maxTags {
		return nil, invalid(msgTooManyTags)
	}
	if _, _, err := store.Get[state.Function](s.store, t.key()); err == nil {
		return nil, conflict("Function already exist: %s", t.name)
	}
	fn := &state.Function{
		Account: t.account, Region: t.region, Name: t.name, ID: s.newID(), Tags: maps.Clone(in.Tags),
		Latest: state.FunctionConfig{
			Version:            latest,
			PackageType:        string(types.PackageTypeZip),
			Architectures:      architectures(in.Architectures),
			MemoryMB:           defaultMemoryMB,
			TimeoutSeconds:     defaultTimeout,
			EphemeralStorageMB: defaultEphemeralMB,
			TracingMode:        string(types.TracingModePassThrough),
			LogGroup:           "/aws/lambda/" + t.name,
			LogFormat:          string(types.LogFormatText),
			SnapStart:          string(types.SnapStartApplyOnNone),
			SourceKMSKeyARN:    deref(in.Code.SourceKMSKeyArn),
			State:              string(types.StateActive),
			LastUpdateStatus:   string(types.LastUpdateStatusSuccessful),
		},
	}
	if deleted, _, err := store.Get[state.DeletedFunction](s.store, state.DeletedFunctionKey(t.account, t.region, t.name)); err == nil {
		fn.LastVersion = deleted.LastVersion
	}
	if err := settings.apply(&fn.Latest); err != nil {
		return nil, err
	}
	s.startSettling(&fn.Latest, true)
	return fn, nil
}

// creatable checks what only a new function has.
func creatable(in *lambda.CreateFunctionInput) error {
	switch {
	case in.Code == nil:
		return invalid("Please provide a source for function code.")
	case in.PackageType == types.PackageTypeImage:
		return unsupported("container images are not supported yet; deploy a zip with --zip-file and package type Zip")
	case in.PublishTo != "":
		return unsupported("PublishTo is not supported yet; leave it out")
	case in.CodeSigningConfigArn != nil:
		// Nobody can make a code signing configuration here.
		// unverified: the sentence, read from user reports.
		return &types.CodeSigningConfigNotFoundException{Type: user(), Message: new("The code signing configuration cannot be found. Check that the provided code signing configuration is not deleted: " + *in.CodeSigningConfigArn + ".")}
	}
	if err := checkSource(codeSource{operation: "CreateFunction", zip: in.Code.ZipFile, image: in.Code.ImageUri, bucket: in.Code.S3Bucket, key: in.Code.S3Key}); err != nil {
		return err
	}
	if in.Runtime == "" || deref(in.Handler) == "" { // unverified: the sentence
		return invalid("Runtime and handler are mandatory parameters for functions created with deployment packages.")
	}
	return nil
}

func architectures(in []types.Architecture) []string {
	if len(in) == 0 {
		return []string{string(types.ArchitectureX8664)}
	}
	out := make([]string, len(in))
	for i, architecture := range in {
		out[i] = string(architecture)
	}
	return out
}

// codeSource is where a request says the code is.
type codeSource struct {
	operation          string
	zip                []byte
	image, bucket, key *string
}

// checkSource accepts a zip in the request and says what to do instead of the
// rest.
func checkSource(c codeSource) error {
	switch {
	case c.image != nil:
		return unsupported("container images are not supported yet; deploy a zip with --zip-file")
	case c.bucket != nil || c.key != nil:
		return unsupported("code in S3 (s3://%s/%s) is not supported yet; send the zip in the request with --zip-file fileb://function.zip", deref(c.bucket), deref(c.key))
	case c.zip == nil: // unverified: the sentence
		return invalid("Please provide a source for function code.")
	}
	return checkPackage(c.operation, c.zip)
}

// storeCode writes the package and notes it in c. Packages are named by their
// content: the same one is stored once, and one that no function uses any more
// does no harm.
func (s *Service) storeCode(ctx context.Context, c *state.FunctionConfig, zip []byte) error {
	digest, err := s.store.PutBlob(ctx, zip)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(zip)
	c.CodeDigest, c.CodeSHA256, c.CodeSize = digest, base64.StdEncoding.EncodeToString(sum[:]), int64(len(zip))
	return nil
}
