# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  kubeconfig:
    description:
      - Path of a kubeconfig file, or its content as a dictionary.
      - An explicit O(kubeconfig), O(context) or O(host) is used before everything else; without one it is the
        environment variable E(KUBECONFIG), then the service account of the pod that the module runs in, then
        C(~/.kube/config).
      - The environment variable E(K8S_AUTH_KUBECONFIG) does the same.
    type: raw
  context:
    description:
      - Name of a context of the kubeconfig.
      - The environment variable E(K8S_AUTH_CONTEXT) does the same.
    type: str
  host:
    description:
      - URL of the API server.
      - Without O(kubeconfig) and O(context) only the credentials given by the other options are sent to it.
      - The environment variable E(K8S_AUTH_HOST) does the same.
    type: str
  api_key:
    description:
      - Bearer token to authenticate with.
      - The environment variable E(K8S_AUTH_API_KEY) does the same.
    type: str
  username:
    description:
      - User name for HTTP basic authentication.
      - The environment variable E(K8S_AUTH_USERNAME) does the same.
    type: str
  password:
    description:
      - Password for HTTP basic authentication.
      - The environment variable E(K8S_AUTH_PASSWORD) does the same.
    type: str
  validate_certs:
    description:
      - Whether the certificate of the API server must be valid. The kubeconfig decides if this is not set.
      - The environment variables E(K8S_AUTH_VALIDATE_CERTS) and E(K8S_AUTH_VERIFY_SSL) do the same.
    type: bool
    aliases: [verify_ssl]
  ca_cert:
    description:
      - Path of the certificate of the authority that signed the certificate of the API server.
      - The environment variables E(K8S_AUTH_CA_CERT) and E(K8S_AUTH_SSL_CA_CERT) do the same.
    type: path
    aliases: [ssl_ca_cert]
  client_cert:
    description:
      - Path of a client certificate to authenticate with.
      - The environment variables E(K8S_AUTH_CLIENT_CERT) and E(K8S_AUTH_CERT_FILE) do the same.
    type: path
    aliases: [cert_file]
  client_key:
    description:
      - Path of the key of O(client_cert).
      - The environment variables E(K8S_AUTH_CLIENT_KEY) and E(K8S_AUTH_KEY_FILE) do the same.
    type: path
    aliases: [key_file]
  proxy:
    description:
      - URL of an HTTP proxy.
      - The environment variable E(K8S_AUTH_PROXY) does the same.
    type: str
  no_proxy:
    description:
      - Hosts that are reached without the proxy, separated by commas.
      - The environment variable E(K8S_AUTH_NO_PROXY) does the same.
    type: str
  proxy_headers:
    description:
      - Headers for the proxy.
    type: dict
    suboptions:
      proxy_basic_auth:
        description:
          - C(user:password) for basic authentication at the proxy.
          - The environment variable E(K8S_AUTH_PROXY_HEADERS_PROXY_BASIC_AUTH) does the same.
        type: str
      basic_auth:
        description:
          - C(user:password) for basic authentication.
          - The environment variable E(K8S_AUTH_PROXY_HEADERS_BASIC_AUTH) does the same.
        type: str
      user_agent:
        description:
          - The user agent.
          - The environment variable E(K8S_AUTH_PROXY_HEADERS_USER_AGENT) does the same.
        type: str
  impersonate_user:
    description:
      - User to act as.
      - The environment variable E(K8S_AUTH_IMPERSONATE_USER) does the same.
    type: str
  impersonate_groups:
    description:
      - Groups to act as a member of.
      - The environment variable E(K8S_AUTH_IMPERSONATE_GROUPS) does the same, its groups separated by commas.
    type: list
    elements: str
requirements:
  - Python >= 3.11
  - kubernetes (the Python package)
notes:
  - The connection options and their environment variables are those of the kubernetes.core collection, so that one
    C(module_defaults) block with C(group/argo.workflows.argo) serves both.
"""
