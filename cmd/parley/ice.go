package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/pion/stun/v4"

	"parley/signaling/protocol"
)

// iceServers is what clients are given to reach each other by. Its credentials are secrets, so no error repeats a value.
type iceServers []protocol.ICEServer

// Decode adds what one flag, the environment variable or the file says: URLs with commas between them, an RTCIceServer as
// JSON, or a JSON array of both.
func (s *iceServers) Decode(ctx *kong.DecodeContext) error {
	texts, err := popTexts(ctx)
	if err != nil {
		return err
	}
	for _, text := range texts {
		servers, err := parseICEServers(strings.TrimSpace(text))
		if err != nil {
			return err
		}
		*s = append(*s, servers...)
	}
	return nil
}

// Public gives them as JSON, without the credentials.
func (s iceServers) Public() string {
	public := append(iceServers{}, s...)
	for i := range public {
		if public[i].Credential != "" {
			public[i].Credential = hidden
		}
	}
	return asJSON(public)
}

func parseICEServers(text string) (iceServers, error) {
	switch {
	case strings.HasPrefix(text, "{"):
		server, err := parseICEServer([]byte(text))
		return iceServers{server}, err
	case strings.HasPrefix(text, "["):
		return parseICEArray([]byte(text))
	}
	var servers iceServers
	for url := range strings.SplitSeq(text, ",") {
		if url = strings.TrimSpace(url); url == "" {
			continue
		}
		server := protocol.ICEServer{URLs: []string{url}}
		if err := checkICEServer(server); err != nil {
			return nil, err
		}
		servers = append(servers, server)
	}
	return servers, nil
}

func parseICEArray(text []byte) (iceServers, error) {
	var entries []json.RawMessage
	if err := json.Unmarshal(text, &entries); err != nil {
		return nil, invalid("not valid JSON: %v", err)
	}
	var servers iceServers
	for _, entry := range entries {
		var url string
		if json.Unmarshal(entry, &url) == nil {
			entry, _ = json.Marshal(map[string]string{"urls": url})
		}
		server, err := parseICEServer(entry)
		if err != nil {
			return nil, err
		}
		servers = append(servers, server)
	}
	return servers, nil
}

// parseICEServer reads an RTCIceServer dictionary (W3C webrtc-pc §4.2.4). A member that no browser knows is a mistake.
func parseICEServer(text []byte) (server protocol.ICEServer, err error) {
	var members struct {
		URLs           json.RawMessage `json:"urls"`
		Username       string          `json:"username"`
		Credential     string          `json:"credential"`
		CredentialType string          `json:"credentialType"` // was in the standard, and is still written
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&members); err != nil {
		return server, invalid("not an RTCIceServer: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if d.More() {
		return server, invalid("not an RTCIceServer: something follows the JSON object")
	}
	if t := members.CredentialType; t != "" && t != "password" {
		return server, invalid("the only credentialType that browsers take is password")
	}
	if len(members.URLs) == 0 {
		return server, invalid(`an RTCIceServer needs "urls"`)
	}
	if err := json.Unmarshal(text, &server); err != nil {
		return server, invalid(`"urls" must be a string or an array of strings`)
	}
	return server, checkICEServer(server)
}

// checkICEServer refuses what makes a browser's RTCPeerConnection throw: every call would fail.
func checkICEServer(server protocol.ICEServer) error {
	if len(server.URLs) == 0 {
		return invalid(`an RTCIceServer needs at least one URL in "urls"`)
	}
	for i, url := range server.URLs {
		place := ""
		if len(server.URLs) > 1 {
			place = fmt.Sprintf(" (the %d. of its urls)", i+1)
		}
		scheme, rest, _ := strings.Cut(url, ":")
		if !strings.HasPrefix(scheme, "stun") && !strings.HasPrefix(scheme, "turn") {
			return invalid("a URL%s begins with none of stun: stuns: turn: turns:", place)
		}
		uri, err := stun.ParseURI(url)
		if err != nil || uri.Port < 1 || uri.Port > 65535 || strings.ContainsAny(rest, "@/ ") {
			return invalid("a %s: URL%s is not of the form %s", scheme, place, "stun:HOST[:PORT] or turn:HOST[:PORT][?transport=udp|tcp], without a user")
		}
		if strings.HasPrefix(scheme, "turn") && (server.Username == "" || server.Credential == "") {
			return invalid(`a %s: URL%s needs credentials: give JSON, {"urls":"turn:HOST","username":"…","credential":"…"}`, scheme, place)
		}
	}
	return nil
}
