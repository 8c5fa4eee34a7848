package doctor

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// webName is whether the name of the pages leads somewhere, and here. With
// dynamic DNS it is what breaks without anybody's notice.
func (d *Doctor) webName(ctx context.Context) []Finding {
	const name = "web-name"
	u, err := url.Parse(d.o.Web)
	if d.o.Web == "" || err != nil {
		return nil
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil {
		return nil // an address needs no name
	}
	data := values{"Host": u.Hostname()}
	found, err := d.o.Resolver.LookupNetIP(ctx, "ip", u.Hostname())
	if missing := new(net.DNSError); errors.As(err, &missing) && missing.IsNotFound {
		return []Finding{bad(name, "doctor.name_missing", data)}
	}
	if err != nil {
		return []Finding{unknown(name, "doctor.name_unasked", data)}
	}
	var leads []string
	for i := range found {
		found[i] = found[i].Unmap()
		leads = append(leads, found[i].String())
	}
	slices.Sort(leads)
	data["Names"] = leads
	if d.o.OwnAddress == "" {
		return []Finding{good(name, "doctor.name", data)}
	}
	own, err := d.ownAddress(ctx)
	if err != nil || !slices.ContainsFunc(found, func(a netip.Addr) bool { return a.Is4() == own.Is4() }) {
		return []Finding{unknown(name, "doctor.name_unsure", data)}
	}
	data["Own"] = own.String()
	if !slices.Contains(found, own) {
		return []Finding{bad(name, "doctor.name_astray", data)}
	}
	return []Finding{good(name, "doctor.name_here", data)}
}

var errNoAddress = errors.New("the answer is no address")

// ownAddress asks outside by which address this house is known.
func (d *Doctor) ownAddress(ctx context.Context) (netip.Addr, error) {
	r, err := d.get(ctx, d.o.OwnAddress)
	if err != nil {
		return netip.Addr{}, err
	}
	own, err := netip.ParseAddr(strings.TrimSpace(string(r.body)))
	if err != nil || r.status != http.StatusOK {
		return netip.Addr{}, errNoAddress
	}
	return own.Unmap(), nil
}

// webOutside is whether the pages can be seen from outside, if there is somebody
// to ask.
func (d *Doctor) webOutside(ctx context.Context) []Finding {
	const name = "web-outside"
	if d.o.Web == "" || d.o.Probe == "" {
		return nil
	}
	data := values{"URL": d.o.Web}
	r, err := d.get(ctx, strings.ReplaceAll(d.o.Probe, "{url}", url.QueryEscape(d.o.Web+"/")))
	switch {
	case err != nil:
		return []Finding{unknown(name, "doctor.outside_unasked", nil)}
	case r.status < 200 || r.status > 299:
		return []Finding{bad(name, "doctor.outside_not", data)}
	}
	return []Finding{good(name, "doctor.outside", data)}
}

// webCertificate is whether that of the pages is good. Many routers lead nobody
// from inside back to the own address, so not getting there says nothing.
func (d *Doctor) webCertificate(ctx context.Context) []Finding {
	if !strings.HasPrefix(d.o.Web, "https:") || host(d.o.Web) == host(d.o.Nextcloud) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	r, err := d.get(ctx, d.o.Web+"/")
	return certificate(host(d.o.Web), end(r.tls), err)
}
