package emailtest

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"strings"
)

// DNS is a small real name server in memory that knows TXT records: texts by
// name, in lower case and without a dot at the end. A text that is an IPv4
// address is the address of its name.
type DNS map[string][]string

// Resolver asks this server alone.
func (d DNS) Resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go d.serve(ours)
		return theirs, nil
	}}
}

// serve answers one question after the other, each with its length in front as
// over TCP (RFC 1035, section 4.2.2).
func (d DNS) serve(conn net.Conn) {
	defer conn.Close()
	for {
		var length uint16
		if binary.Read(conn, binary.BigEndian, &length) != nil {
			return
		}
		question := make([]byte, length)
		if _, err := io.ReadFull(conn, question); err != nil {
			return
		}
		answer := d.answer(question)
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)); err != nil {
			return
		}
	}
}

// answer replies to a message with one question; see RFC 1035, section 4.1.
func (d DNS) answer(question []byte) []byte {
	const header = 12
	var labels []string
	end := header
	for question[end] != 0 {
		next := end + 1 + int(question[end])
		labels = append(labels, strings.ToLower(string(question[end+1:next])))
		end = next
	}
	kind := binary.BigEndian.Uint16(question[end+1:])
	end += 1 + 4 // the root, and the type and class asked for
	all, known := d[strings.Join(labels, ".")]
	records := of(kind, all)
	flags := uint16(0x8180) // an answer, with recursion
	if !known {
		flags |= 3 // no such name
	}
	answer := append([]byte{}, question[:2]...)
	for _, n := range []uint16{flags, 1, uint16(len(records)), 0, 0} {
		answer = binary.BigEndian.AppendUint16(answer, n)
	}
	answer = append(answer, question[header:end]...)
	for _, data := range records {
		// The name of the question, the type, IN, a minute to live.
		answer = append(answer, 0xc0, header, 0, byte(kind), 0, 1, 0, 0, 0, 60)
		answer = binary.BigEndian.AppendUint16(answer, uint16(len(data)))
		answer = append(answer, data...)
	}
	return answer
}

// of encodes the records of a type: 1 is A, 16 is TXT.
func of(kind uint16, all []string) (records [][]byte) {
	for _, text := range all {
		address, err := netip.ParseAddr(text)
		switch {
		case kind == 1 && err == nil:
			records = append(records, address.AsSlice())
		case kind == 16 && err != nil:
			var data []byte
			for len(text) > 0 {
				n := min(len(text), 255)
				data = append(append(data, byte(n)), text[:n]...)
				text = text[n:]
			}
			records = append(records, data)
		}
	}
	return records
}
