// SPDX-License-Identifier: Apache-2.0

package origin_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/firstlight-boot/firstlight/internal/fetch"
)

const (
	account    = "firstlight"
	accountURL = "https://" + account + ".blob.core.windows.net"
)

var accountKey = []byte("the key of an account that exists for one test")

// TestAzure runs Azurite, which checks the lifetime, issuer and audience of tokens.
func TestAzure(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		missing(t, "node")
	}
	n := newNetwork(t)
	address, number := port(t)
	cert, key := n.files(account + ".blob.core.windows.net")
	start(t, address, []string{"AZURITE_ACCOUNTS=" + account + ":" + base64.StdEncoding.EncodeToString(accountKey)}, node,
		installed(t, "azurite-*/node_modules/azurite")+"/dist/src/blob/main.js", "--blobPort", number, "--oauth", "basic",
		"--cert", cert, "--key", key, "--inMemoryPersistence", "--silent", "--disableTelemetry")
	n.routes[account+".blob.core.windows.net:443"] = address
	for _, path := range []string{"/private?restype=container", "/public?restype=container", "/private/config.ign", "/private/a/nested/name", "/public/config.ign"} {
		n.azurePut(path)
	}
	big := strings.Repeat("0123456789abcdef", 1<<16)
	n.put(accountURL+"/private/big", big)

	private := accountURL + "/private/config.ign"
	n.check(t, n.client("metal"), // without an identity
		fetched{name: "public", req: fetch.Request{URL: accountURL + "/public/config.ign"}, want: "payload"},
		fetched{name: "private", req: fetch.Request{URL: private}, text: []string{private, "status 4"}},
		fetched{name: "signed URL", req: fetch.Request{URL: private + "?" + sas("/private/config.ign")}, want: "payload"},
		fetched{name: "signed URL for another blob", req: fetch.Request{URL: private + "?" + sas("/private/big")}, err: fetch.ErrFailed,
			text: []string{private + "?redacted: the server refused: status 403"}},
	)

	m := &azureMetadata{fail: []int{http.StatusTooManyRequests, http.StatusGone}, token: jwt(time.Hour)}
	n.serve(m, false, "169.254.169.254")
	c := n.client("azure")
	n.check(t, c,
		fetched{name: "private, as the machine", req: fetch.Request{URL: private}, want: "payload"},
		fetched{name: "large, as the machine", req: fetch.Request{URL: accountURL + "/private/big"}, want: big},
		fetched{name: "nested name, as the machine", req: fetch.Request{URL: accountURL + "/private/a/nested/name"}, want: "payload"},
		fetched{name: "public, as the machine", req: fetch.Request{URL: accountURL + "/public/config.ign"}, want: "payload"},
		fetched{name: "signed URL, on a machine with an identity", req: fetch.Request{URL: private + "?" + sas("/private/config.ign")}, want: "payload"},
		fetched{name: "missing, as the machine", req: fetch.Request{URL: accountURL + "/private/none"}, err: fetch.ErrNotFound, text: []string{"as the machine's identity"}},
	)
	if m.handed != 1 {
		t.Errorf("%d tokens were handed out to one client", m.handed)
	}

	m.token = jwt(-time.Hour)
	n.check(t, n.client("azure"),
		fetched{name: "token that is over", req: fetch.Request{URL: private}, text: []string{"as the machine's identity"}},
		fetched{name: "token that is over, public", req: fetch.Request{URL: accountURL + "/public/config.ign"}, want: "payload"},
	)
	m.fail = []int{http.StatusBadRequest, http.StatusBadRequest}
	n.check(t, n.client("azure"),
		fetched{name: "no identity", req: fetch.Request{URL: private}, text: []string{"no token of a managed identity: status 400"}},
		fetched{name: "no identity, public", req: fetch.Request{URL: accountURL + "/public/config.ign"}, want: "payload"},
	)
}

// azurePut makes a container or a blob.
func (n *network) azurePut(path string) { n.put(accountURL+path, "payload") }

func (n *network) put(target, payload string) {
	n.t.Helper()
	req, err := http.NewRequest(http.MethodPut, target, strings.NewReader(payload))
	if err != nil {
		n.t.Fatal(err)
	}
	req.Header = http.Header{"Authorization": {"Bearer " + jwt(time.Hour)}, "X-Ms-Version": {"2021-12-02"}, "X-Ms-Blob-Type": {"BlockBlob"}}
	if strings.HasSuffix(target, "restype=container") {
		req.Body, req.ContentLength = nil, 0
		req.Header.Del("X-Ms-Blob-Type")
		if strings.Contains(target, "/public") {
			req.Header.Set("X-Ms-Blob-Public-Access", "blob")
		}
	}
	resp, err := n.http().Do(req)
	if err != nil {
		n.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		n.t.Fatalf("PUT %s: %s", target, resp.Status)
	}
}

// jwt makes a token as Entra ID does, but for its signature, which Azurite does not look at.
func jwt(life time.Duration) string {
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	now := time.Now()
	return part(`{"typ":"JWT","alg":"RS256"}`) + "." + part(fmt.Sprintf(
		`{"aud":"https://storage.azure.com","iss":"https://sts.windows.net/ab1f708d-50f6-404c-a006-d71b2ac7a606/","iat":%d,"nbf":%[1]d,"exp":%[2]d}`,
		now.Add(-2*time.Hour).Unix(), now.Add(life).Unix())) + "." + part("signature")
}

// sas returns the query of a signed URL that may read one blob.
// https://learn.microsoft.com/en-us/rest/api/storageservices/create-service-sas
func sas(blob string) string {
	const version, permissions, resource = "2020-12-06", "r", "b"
	ends := time.Now().Add(time.Hour).UTC().Format("2006-01-02T15:04:05Z")
	fields := []string{permissions, "", ends, "/blob/" + account + blob, "", "", "", version, resource, "", "", "", "", "", "", ""}
	mac := hmac.New(sha256.New, accountKey)
	mac.Write([]byte(strings.Join(fields, "\n")))
	return url.Values{
		"sv": {version}, "sp": {permissions}, "sr": {resource}, "se": {ends}, "sig": {base64.StdEncoding.EncodeToString(mac.Sum(nil))},
	}.Encode()
}

// azureMetadata answers as the metadata service of Azure is documented to.
// https://learn.microsoft.com/en-us/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
type azureMetadata struct {
	fail   []int // answers before it returns tokens
	token  string
	handed int
}

func (m *azureMetadata) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Metadata") != "true" || r.FormValue("resource") != "https://storage.azure.com/" || r.FormValue("api-version") == "" {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	if len(m.fail) > 0 {
		w.WriteHeader(m.fail[0])
		m.fail = m.fail[1:]
		return
	}
	m.handed++
	fmt.Fprintf(w, `{"access_token":%q,"expires_in":"86399","token_type":"Bearer"}`, m.token)
}
