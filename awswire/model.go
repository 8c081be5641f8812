package awswire

import (
	"bytes"
	"compress/gzip"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

//go:generate go run ../tools/modeltrim -out models

//go:embed models/*.json.gz models/added/*.json
var modelFiles embed.FS

// model is a service model in botocore's form, see tools/modeltrim for what is kept.
type model struct {
	Metadata   metadata                   `json:"metadata"`
	Operations map[string]*modelOperation `json:"operations"`
	Shapes     map[string]*modelShape     `json:"shapes"`
}

type metadata struct {
	APIVersion      string    `json:"apiVersion"`
	QueryCompatible *struct{} `json:"awsQueryCompatible"` // its JSON and CBOR clients expect the query protocol's error codes
	EndpointPrefix  string    `json:"endpointPrefix"`
	JSONVersion     string    `json:"jsonVersion"`
	Protocol        string    `json:"protocol"`
	Protocols       []string  `json:"protocols"` // where clients have a choice; Protocol is one of them
	ServiceID       string    `json:"serviceId"`
	SigningName     string    `json:"signingName"`
	TargetPrefix    string    `json:"targetPrefix"`
	XMLNamespace    string    `json:"xmlNamespace"`
}

// modelOperation is one operation of the model.
type modelOperation struct {
	HTTP struct {
		Method       string `json:"method"`
		RequestURI   string `json:"requestUri"`
		ResponseCode int    `json:"responseCode"`
	} `json:"http"`
	AuthType string       `json:"authtype"`
	Input    shapeRef     `json:"input"`
	Output   operationOut `json:"output"`
	Errors   []shapeRef   `json:"errors"`
}

type operationOut struct {
	Shape         string `json:"shape"`
	ResultWrapper string `json:"resultWrapper"`
}

type modelShape struct {
	name            string
	Type            string     `json:"type"`
	Members         memberList `json:"members"`
	Member          *shapeRef  `json:"member"`
	Key             *shapeRef  `json:"key"`
	Value           *shapeRef  `json:"value"`
	Required        []string   `json:"required"`
	Min             *float64   `json:"min"`
	Max             *float64   `json:"max"`
	Pattern         string     `json:"pattern"`
	Enum            []string   `json:"enum"`
	Sensitive       bool       `json:"sensitive"`
	Payload         string     `json:"payload"`
	Flattened       bool       `json:"flattened"`
	Union           bool       `json:"union"`
	EventStream     bool       `json:"eventstream"`
	Exception       bool       `json:"exception"`
	Fault           bool       `json:"fault"`
	TimestampFormat string     `json:"timestampFormat"`
	Error           struct {
		Code   string `json:"code"`
		Status int    `json:"httpStatusCode"`
		Sender bool   `json:"senderFault"`
	} `json:"error"`
}

// shapeRef is a use of a shape: a member of a structure, an element of a list, or an operation's input.
type shapeRef struct {
	name            string // of the member
	Shape           string `json:"shape"`
	LocationName    string `json:"locationName"`
	Location        string `json:"location"`
	Flattened       bool   `json:"flattened"`
	TimestampFormat string `json:"timestampFormat"`
}

// memberList keeps the model's order, which is the order on the wire.
type memberList []*shapeRef

// UnmarshalJSONFrom reads a JSON object in its order.
func (l *memberList) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			return err
		}
		ref := &shapeRef{name: name.String()}
		if err := json.UnmarshalDecode(dec, ref); err != nil {
			return err
		}
		*l = append(*l, ref)
	}
	_, err := dec.ReadToken()
	return err
}

// models are parsed once per process, at their first use; they are immutable afterwards.
var models = map[string]func() *model{
	"apigateway":   sync.OnceValue(func() *model { return readModel("apigateway") }),
	"apigatewayv2": sync.OnceValue(func() *model { return readModel("apigatewayv2") }),
	"cloudwatch":   sync.OnceValue(func() *model { return readModel("cloudwatch") }),
	"iam":          sync.OnceValue(func() *model { return readModel("iam") }),
	"lambda":       sync.OnceValue(func() *model { return readModel("lambda") }),
	"logs":         sync.OnceValue(func() *model { return readModel("logs") }),
	"sts":          sync.OnceValue(func() *model { return readModel("sts") }),
}

// readModel panics on a broken model: it is part of the binary and covered by tests.
func readModel(name string) *model {
	m, err := parseModel(name)
	if err != nil {
		panic(fmt.Sprintf("awswire: model %s: %v", name, err))
	}
	return m
}

func parseModel(name string) (*model, error) {
	packed, err := modelFiles.ReadFile("models/" + name + ".json.gz")
	if err != nil {
		return nil, err
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(z)
	if err != nil {
		return nil, err
	}
	m := new(model)
	if err := json.Unmarshal(text, m); err != nil {
		return nil, err
	}
	if err := m.addMissing(name); err != nil {
		return nil, err
	}
	for n, s := range m.Shapes {
		s.name = n
	}
	if m.Metadata.SigningName == "" {
		m.Metadata.SigningName = m.Metadata.EndpointPrefix
	}
	return m, nil
}

// addMissing adds what models/added has for the service: operations that are newer than the model, written by hand from
// the SDK for Go's own schemas. What the model has itself stays.
func (m *model) addMissing(name string) error {
	text, err := modelFiles.ReadFile("models/added/" + name + ".json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	added := new(model)
	if err := json.Unmarshal(text, added); err != nil {
		return fmt.Errorf("models/added/%s.json: %w", name, err)
	}
	for n, o := range added.Operations {
		if m.Operations[n] == nil {
			m.Operations[n] = o
		}
	}
	for n, s := range added.Shapes {
		if m.Shapes[n] == nil {
			m.Shapes[n] = s
		}
	}
	return nil
}
