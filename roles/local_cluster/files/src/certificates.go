// Copyright: (c) 2026, the argo.workflows authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
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

// An identity is one certificate of the cluster, signed by its own authority: pki/NAME.crt and pki/NAME.key.
type identity struct {
	name       string
	user       string
	groups     []string
	addresses  []string // a server's; none for a client
	kubeconfig string   // path in the state folder; none if ""
}

var identities = []identity{
	{
		name: "apiserver", user: "kube-apiserver",
		addresses: []string{apiServerIP, "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"},
	},
	{name: "apiserver-kubelet-client", user: "kube-apiserver", groups: []string{"system:masters"}},
	{name: "kubelet-server", user: "system:node:" + nodeName, groups: []string{"system:nodes"}, addresses: []string{nodeIP, nodeName}},
	{name: "kubelet", user: "system:node:" + nodeName, groups: []string{"system:nodes"}, kubeconfig: "config/kubelet.kubeconfig"},
	{name: "controller-manager", user: "system:kube-controller-manager", kubeconfig: "config/controller-manager.kubeconfig"},
	{name: "scheduler", user: "system:kube-scheduler", kubeconfig: "config/scheduler.kubeconfig"},
	{name: "admin", user: "admin", groups: []string{"system:masters"}, kubeconfig: "kubeconfig"},
}

// writeIdentities writes the authority, the key that signs service account tokens, and all identities, once in a cluster's
// life: the admin's kubeconfig, written last, says that all are there.
func (c cluster) writeIdentities() error {
	if _, err := os.Stat(c.path("kubeconfig")); err == nil {
		return nil
	}
	if _, err := c.writeKey("service-accounts"); err != nil {
		return err
	}
	key, err := c.writeKey("ca")
	if err != nil {
		return err
	}
	authority := identity{user: clusterName}.template()
	authority.IsCA, authority.BasicConstraintsValid, authority.KeyUsage = true, true, x509.KeyUsageCertSign
	authority.ExtKeyUsage = nil // or it could sign nothing else
	// As it was signed it has a key identifier, to which Python 3.13 wants each certificate below it to refer.
	authority, err = c.writeCertificate("ca", authority, authority, key, key)
	if err != nil {
		return err
	}
	for _, id := range identities {
		own, err := c.writeKey(id.name)
		if err != nil {
			return err
		}
		if _, err := c.writeCertificate(id.name, id.template(), authority, own, key); err != nil {
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

func (c cluster) writeKey(name string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	encoded, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: encoded})
	return key, writeFile(c.path("pki", name+".key"), text)
}

// writeCertificate signs a certificate and returns it as it was signed.
func (c cluster) writeCertificate(name string, cert, parent *x509.Certificate, key, parentKey *ecdsa.PrivateKey) (*x509.Certificate, error) {
	encoded, err := x509.CreateCertificate(rand.Reader, cert, parent, key.Public(), parentKey)
	if err != nil {
		return nil, fmt.Errorf("signing the certificate %s: %w", name, err)
	}
	if err := writeFile(c.path("pki", name+".crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: encoded})); err != nil {
		return nil, err
	}
	return x509.ParseCertificate(encoded)
}

// writeKubeconfig writes one that stands alone: authority, certificate and key are in it.
func (c cluster) writeKubeconfig(id identity) error {
	var contents [3][]byte
	for i, name := range []string{"ca.crt", id.name + ".crt", id.name + ".key"} {
		content, err := os.ReadFile(c.path("pki", name))
		if err != nil {
			return err
		}
		contents[i] = content
	}
	config := clientcmdapi.NewConfig()
	config.Clusters[clusterName] = &clientcmdapi.Cluster{Server: "https://" + apiServer, CertificateAuthorityData: contents[0]}
	config.AuthInfos[id.name] = &clientcmdapi.AuthInfo{ClientCertificateData: contents[1], ClientKeyData: contents[2]}
	config.Contexts[clusterName] = &clientcmdapi.Context{Cluster: clusterName, AuthInfo: id.name}
	config.CurrentContext = clusterName
	text, err := clientcmd.Write(*config)
	if err != nil {
		return err
	}
	return writeFile(c.path(id.kubeconfig), text)
}
