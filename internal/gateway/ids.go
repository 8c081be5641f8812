package gateway

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash/fnv"
	"time"
)

// ids are the names of one request.
type ids struct {
	request  string // UUID, version 4
	extended string // x-amz-apigw-id: 11 bytes in URL base64, "K2Ib_G66IAMEF6g="
	both     [52]byte
}

// make draws new ids; one allocation holds both.
func (id *ids) make(random func() uint64) {
	var raw [32]byte
	for i := 0; i < len(raw); i += 8 {
		binary.LittleEndian.PutUint64(raw[i:], random())
	}
	raw[6] = raw[6]&0x0f | 0x40
	raw[8] = raw[8]&0x3f | 0x80
	b := &id.both
	hex.Encode(b[0:8], raw[0:4])
	hex.Encode(b[9:13], raw[4:6])
	hex.Encode(b[14:18], raw[6:8])
	hex.Encode(b[19:23], raw[8:10])
	hex.Encode(b[24:36], raw[10:16])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	base64.URLEncoding.Encode(b[36:], raw[16:27])
	text := string(b[:])
	id.request, id.extended = text[:36], text[36:]
}

// appendTrace appends a new trace root, "1-5759e988-bd862e3fe1be46a994272793".
func appendTrace(b []byte, now time.Time, random func() uint64) []byte {
	var raw [16]byte
	binary.BigEndian.PutUint32(raw[0:], uint32(now.Unix()))
	binary.LittleEndian.PutUint64(raw[4:], random())
	binary.LittleEndian.PutUint32(raw[12:], uint32(random()))
	b = append(b, "1-"...)
	b = hex.AppendEncode(b, raw[:4])
	b = append(b, '-')
	return hex.AppendEncode(b, raw[4:])
}

// appendLineage appends what a function's answer adds to the trace root:
// ";Parent=2666fea3d1207b28;Sampled=0;Lineage=1:23e64a83:0" (answers of 2025).
func appendLineage(b []byte, random func() uint64) []byte {
	var raw [12]byte
	binary.LittleEndian.PutUint64(raw[0:], random())
	binary.LittleEndian.PutUint32(raw[8:], uint32(random()))
	b = append(b, ";Parent="...)
	b = hex.AppendEncode(b, raw[:8])
	b = append(b, ";Sampled=0;Lineage=1:"...)
	b = hex.AppendEncode(b, raw[8:])
	return append(b, ":0"...)
}

// streamName names the log stream of a group in this run: 32 hexadecimal
// digits, as on AWS, where each request may land in another one. One stream per
// stage and run keeps their number small and the lines in order.
func streamName(boot uint64, group string) string {
	h := fnv.New128a()
	var salt [8]byte
	binary.LittleEndian.PutUint64(salt[:], boot)
	h.Write(salt[:])
	h.Write([]byte(group))
	return hex.EncodeToString(h.Sum(nil))
}
