// Copyright: (c) 2026, the argo.workflows authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

const clusterName = "argo-local-cluster"

// An identity is one certificate of the cluster, signed by its own authority: FILE.crt and FILE.key.
type identity struct {
	file       string // path in the state folder
	user       string
	groups     []string
	addresses  []string // a server's; none for a client
	kubeconfig string   // path in the state folder; none if ""
	server     string   // to which the kubeconfig leads
}

func (c cluster) identities() []identity {
	const inside = controlPlaneIP + ":443" // a connection to a Service's address is cut when kube-proxy writes its first rules
	all := []identity{
		{
			file: "pki/apiserver", user: "kube-apiserver",
			addresses: []string{
				apiServerIP, controlPlaneIP,
				"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
			},
		},
		{file: "pki/apiserver-kubelet-client", user: "kube-apiserver", groups: []string{"system:masters"}},
		{file: "pki/controller-manager", user: "system:kube-controller-manager", kubeconfig: "config/controller-manager.kubeconfig", server: inside},
		{file: "pki/scheduler", user: "system:kube-scheduler", kubeconfig: "config/scheduler.kubeconfig", server: inside},
		{file: "pki/kube-proxy", user: "system:kube-proxy", kubeconfig: "config/kube-proxy.kubeconfig", server: inside},
		// None of Kubernetes' own roles may list just what CoreDNS must know.
		{file: "pki/coredns", user: "coredns", groups: []string{"system:masters"}, kubeconfig: "config/coredns.kubeconfig", server: inside},
		{file: "pki/admin", user: "admin", groups: []string{"system:masters"}, kubeconfig: "kubeconfig", server: apiServerIP + ":443"},
	}
	for _, n := range c.nodes() {
		id := identity{user: "system:node:" + n.name(), groups: []string{"system:nodes"}}
		client, server, folder := id, id, "nodes/"+n.name()
		client.file, client.kubeconfig, client.server = folder+"/pki/client", folder+"/config/kubelet.kubeconfig", inside
		server.file, server.addresses = folder+"/pki/server", []string{n.ip(), n.name()}
		all = append(all, client, server)
	}
	return all
}

// writeIdentities writes what is missing of the authority, the key that signs service account tokens, and the identities.
func (c cluster) writeIdentities() error {
	if !exists(c.path("pki/service-accounts.key")) {
		if _, err := c.writeKey("pki/service-accounts"); err != nil {
			return err
		}
	}
	authority, key, err := c.authority()
	if err != nil {
		return err
	}
	for _, id := range c.identities() {
		if c.isWritten(id, authority) {
			continue
		}
		own, err := c.writeKey(id.file)
		if err != nil {
			return err
		}
		if _, err := c.writeCertificate(id.file, id.template(), authority, own, key); err != nil {
			return err
		}
		if id.kubeconfig != "" {
			if err := c.writeKubeconfig(id); err != nil {
				return err
			}
		}
	}
	return nil
}

// authority returns the certificate and the key that sign all others, and writes them if there are none.
func (c cluster) authority() (*x509.Certificate, *ecdsa.PrivateKey, error) {
	if pair, err := tls.LoadX509KeyPair(c.path("pki/ca.crt"), c.path("pki/ca.key")); err == nil {
		return pair.Leaf, pair.PrivateKey.(*ecdsa.PrivateKey), nil
	}
	key, err := c.writeKey("pki/ca")
	if err != nil {
		return nil, nil, err
	}
	authority := identity{user: clusterName}.template()
	authority.IsCA, authority.BasicConstraintsValid, authority.KeyUsage = true, true, x509.KeyUsageCertSign
	authority.ExtKeyUsage = nil // or it could sign nothing else
	// As it was signed it has a key identifier, to which Python 3.13 wants each certificate below it to refer.
	authority, err = c.writeCertificate("pki/ca", authority, authority, key, key)
	return authority, key, err
}

// isWritten says whether an identity is there as a whole, for all of its addresses, and signed by this authority.
func (c cluster) isWritten(id identity, authority *x509.Certificate) bool {
	pair, err := tls.LoadX509KeyPair(c.path(id.file+".crt"), c.path(id.file+".key"))
	if err != nil || pair.Leaf.CheckSignatureFrom(authority) != nil {
		return false
	}
	for _, address := range id.addresses {
		if pair.Leaf.VerifyHostname(address) != nil {
			return false
		}
	}
	return id.kubeconfig == "" || exists(c.path(id.kubeconfig))
}

// template is the certificate as it will be signed.
func (id identity) template() *x509.Certificate {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err) // the kernel has no random numbers
	}
	cert := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: id.user, Organization: id.groups},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(10, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	for _, address := range id.addresses {
		cert.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		if ip := net.ParseIP(address); ip != nil {
			cert.IPAddresses = append(cert.IPAddresses, ip)
		} else {
			cert.DNSNames = append(cert.DNSNames, address)
		}
	}
	return cert
}

func (c cluster) writeKey(file string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	encoded, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: encoded})
	return key, writeFile(c.path(file+".key"), text)
}

// writeCertificate signs a certificate and returns it as it was signed.
func (c cluster) writeCertificate(file string, cert, parent *x509.Certificate, key, parentKey *ecdsa.PrivateKey) (*x509.Certificate, error) {
	encoded, err := x509.CreateCertificate(rand.Reader, cert, parent, key.Public(), parentKey)
	if err != nil {
		return nil, fmt.Errorf("signing the certificate %s: %w", file, err)
	}
	if err := writeFile(c.path(file+".crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: encoded})); err != nil {
		return nil, err
	}
	return x509.ParseCertificate(encoded)
}

// writeKubeconfig writes one that stands alone: authority, certificate and key are in it.
func (c cluster) writeKubeconfig(id identity) error {
	var contents [3][]byte
	for i, file := range []string{"pki/ca.crt", id.file + ".crt", id.file + ".key"} {
		content, err := os.ReadFile(c.path(file))
		if err != nil {
			return err
		}
		contents[i] = content
	}
	config := clientcmdapi.NewConfig()
	config.Clusters[clusterName] = &clientcmdapi.Cluster{Server: "https://" + id.server, CertificateAuthorityData: contents[0]}
	config.AuthInfos[id.user] = &clientcmdapi.AuthInfo{ClientCertificateData: contents[1], ClientKeyData: contents[2]}
	config.Contexts[clusterName] = &clientcmdapi.Context{Cluster: clusterName, AuthInfo: id.user}
	config.CurrentContext = clusterName
	text, err := clientcmd.Write(*config)
	if err != nil {
		return err
	}
	return writeFile(c.path(id.kubeconfig), text)
}
