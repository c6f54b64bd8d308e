// A provider that has a schema and nothing else: serves `schema.json` from beside its binary to `terraform validate` and
// `terraform test` with mock_provider. It refuses to be configured, so that nothing can be planned or applied with it.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// Attribute: Type is a type as Terraform writes it in JSON, such as "string" or ["list","string"].
type Attribute struct {
	Type      json.RawMessage `json:"type"`
	Required  bool            `json:"required"`
	Optional  bool            `json:"optional"`
	Computed  bool            `json:"computed"`
	Sensitive bool            `json:"sensitive"`
	WriteOnly bool            `json:"writeOnly"`
}

// Block: Single is a block that may be given once; others any number of times.
type Block struct {
	Attributes map[string]Attribute `json:"attributes"`
	Blocks     map[string]Block     `json:"blocks"`
	Required   bool                 `json:"required"`
	Single     bool                 `json:"single"`
}

// Schema is the whole of `schema.json`.
type Schema struct {
	Address   string           `json:"address"`
	Provider  Block            `json:"provider"`
	Resources map[string]Block `json:"resources"`
	Data      map[string]Block `json:"data"`
}

func block(b Block) (*tfprotov6.SchemaBlock, error) {
	out := &tfprotov6.SchemaBlock{}
	for name, a := range b.Attributes {
		kind, err := tftypes.ParseJSONType(a.Type) //nolint:staticcheck // The only parser of types there is.
		if err != nil {
			return nil, fmt.Errorf("Type of %s: %w", name, err)
		}
		out.Attributes = append(out.Attributes, &tfprotov6.SchemaAttribute{
			Name: name, Type: kind, Required: a.Required, Optional: a.Optional, Computed: a.Computed,
			Sensitive: a.Sensitive, WriteOnly: a.WriteOnly,
		})
	}
	for name, inner := range b.Blocks {
		content, err := block(inner)
		if err != nil {
			return nil, fmt.Errorf("Block %s: %w", name, err)
		}
		nested := &tfprotov6.SchemaNestedBlock{
			TypeName: name, Block: content, Nesting: tfprotov6.SchemaNestedBlockNestingModeList,
		}
		if inner.Required {
			nested.MinItems = 1
		}
		if inner.Single {
			nested.MaxItems = 1
		}
		out.BlockTypes = append(out.BlockTypes, nested)
	}
	return out, nil
}

func schemas(blocks map[string]Block) (map[string]*tfprotov6.Schema, error) {
	out := map[string]*tfprotov6.Schema{}
	for name, b := range blocks {
		content, err := block(b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out[name] = &tfprotov6.Schema{Block: content}
	}
	return out, nil
}

// server answers what validation asks; anything else of the embedded interface would end the process.
type server struct {
	tfprotov6.ProviderServer
	response *tfprotov6.GetProviderSchemaResponse
}

func (s *server) GetMetadata(context.Context, *tfprotov6.GetMetadataRequest) (*tfprotov6.GetMetadataResponse, error) {
	out := &tfprotov6.GetMetadataResponse{ServerCapabilities: s.response.ServerCapabilities}
	for name := range s.response.ResourceSchemas {
		out.Resources = append(out.Resources, tfprotov6.ResourceMetadata{TypeName: name})
	}
	for name := range s.response.DataSourceSchemas {
		out.DataSources = append(out.DataSources, tfprotov6.DataSourceMetadata{TypeName: name})
	}
	return out, nil
}

func (s *server) GetProviderSchema(context.Context, *tfprotov6.GetProviderSchemaRequest) (*tfprotov6.GetProviderSchemaResponse, error) {
	return s.response, nil
}

func (s *server) ValidateProviderConfig(_ context.Context, r *tfprotov6.ValidateProviderConfigRequest) (*tfprotov6.ValidateProviderConfigResponse, error) {
	return &tfprotov6.ValidateProviderConfigResponse{PreparedConfig: r.Config}, nil
}

func (s *server) ValidateResourceConfig(context.Context, *tfprotov6.ValidateResourceConfigRequest) (*tfprotov6.ValidateResourceConfigResponse, error) {
	return &tfprotov6.ValidateResourceConfigResponse{}, nil
}

func (s *server) ValidateDataResourceConfig(context.Context, *tfprotov6.ValidateDataResourceConfigRequest) (*tfprotov6.ValidateDataResourceConfigResponse, error) {
	return &tfprotov6.ValidateDataResourceConfigResponse{}, nil
}

func (s *server) ConfigureProvider(context.Context, *tfprotov6.ConfigureProviderRequest) (*tfprotov6.ConfigureProviderResponse, error) {
	return &tfprotov6.ConfigureProviderResponse{Diagnostics: []*tfprotov6.Diagnostic{{
		Severity: tfprotov6.DiagnosticSeverityError,
		Summary:  "This provider is a schema only",
		Detail:   "It serves validation without a registry. Plan and apply need the real provider: remove dev_overrides",
	}}}, nil
}

func (s *server) StopProvider(context.Context, *tfprotov6.StopProviderRequest) (*tfprotov6.StopProviderResponse, error) {
	return &tfprotov6.StopProviderResponse{}, nil
}

func load() (string, *server, error) {
	self, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	text, err := os.ReadFile(filepath.Join(filepath.Dir(self), "schema.json"))
	if err != nil {
		return "", nil, err
	}
	var schema Schema
	if err := json.Unmarshal(text, &schema); err != nil {
		return "", nil, err
	}
	provider, err := block(schema.Provider)
	if err != nil {
		return "", nil, err
	}
	resources, err := schemas(schema.Resources)
	if err != nil {
		return "", nil, err
	}
	data, err := schemas(schema.Data)
	if err != nil {
		return "", nil, err
	}
	return schema.Address, &server{response: &tfprotov6.GetProviderSchemaResponse{
		ServerCapabilities: &tfprotov6.ServerCapabilities{},
		Provider:           &tfprotov6.Schema{Block: provider},
		ResourceSchemas:    resources,
		DataSourceSchemas:  data,
	}}, nil
}

func main() {
	address, s, err := load()
	if err == nil {
		err = tf6server.Serve(address, func() tfprotov6.ProviderServer { return s })
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
