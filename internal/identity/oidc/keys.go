package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"math/big"
)

// Bounds of keys: AWS refuses more than 100 of a kind (IAM user guide, "Create
// an OpenID Connect identity provider in IAM"), and a modulus of a megabyte
// would keep the machine busy.
const (
	keysMost    = 200
	modulusMost = 8192 / 8 // bytes
	modulusMin  = 2048 / 8
)

// jwk is a key as RFC 7517 writes it.
type jwk struct {
	Type      string `json:"kty"`
	ID        string `json:"kid"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	N         string `json:"n"`
	E         string `json:"e"`
	Curve     string `json:"crv"`
	X         string `json:"x"`
	Y         string `json:"y"`
}

// keySet is the keys of an issuer that can verify signatures.
type keySet struct{ keys []verificationKey }

type verificationKey struct {
	id, algorithm string // algorithm is what the key says it is for; "" for any of its kind
	public        crypto.PublicKey
}

// newKeySet reads keys. Those that are for something else, or of a kind that is
// not known, are left out, as RFC 7517 has it.
func newKeySet(list []jwk) (keySet, error) {
	if len(list) > keysMost {
		return keySet{}, fmt.Errorf("%w: %d keys are more than %d", ErrNoKey, len(list), keysMost)
	}
	var set keySet
	for i := range list {
		if public := list[i].public(); public != nil && (list[i].Use == "" || list[i].Use == "sig") {
			set.keys = append(set.keys, verificationKey{list[i].ID, list[i].Algorithm, public})
		}
	}
	return set, nil
}

// find returns the key with this id for this algorithm; a token without key id
// means the only one that fits. nil: there is none.
func (s keySet) find(id, algorithm string) crypto.PublicKey {
	var found crypto.PublicKey
	for i := range s.keys {
		k := &s.keys[i]
		if !k.fits(algorithm) || id != "" && k.id != id {
			continue
		}
		if id == "" && found != nil {
			return nil
		}
		found = k.public
	}
	return found
}

func (k *verificationKey) fits(algorithm string) bool {
	if k.algorithm != "" && k.algorithm != algorithm {
		return false
	}
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		return algorithm[:2] == "RS"
	case *ecdsa.PublicKey:
		return algorithm == map[elliptic.Curve]string{elliptic.P256(): "ES256", elliptic.P384(): "ES384", elliptic.P521(): "ES512"}[public.Curve]
	}
	return false
}

// public is the key itself; nil for what is no key that can be used.
func (k *jwk) public() crypto.PublicKey {
	switch k.Type {
	case "RSA":
		n, e := decode(k.N), decode(k.E)
		if len(n) < modulusMin || len(n) > modulusMost || len(e) == 0 || len(e) > 4 {
			return nil
		}
		exponent := new(big.Int).SetBytes(e).Int64()
		if exponent < 3 || exponent > 1<<31-1 || exponent%2 == 0 {
			return nil
		}
		return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(exponent)}
	case "EC":
		curve := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}[k.Curve]
		x, y := decode(k.X), decode(k.Y)
		if curve == nil {
			return nil
		}
		if size := (curve.Params().BitSize + 7) / 8; len(x) != size || len(y) != size {
			return nil
		}
		public, err := ecdsa.ParseUncompressedPublicKey(curve, append(append([]byte{4}, x...), y...))
		if err != nil {
			return nil
		}
		return public
	}
	return nil
}

func decode(text string) []byte {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil
	}
	return raw
}
