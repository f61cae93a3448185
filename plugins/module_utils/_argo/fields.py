# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fields of a Workflow and their types, in v4.0.5 and v4.1.2 of Argo Workflows.

Private to the collection. Pure. Written by tests/engine/describe.py from Argo's API descriptions, names and types
alone; not edited by hand.
"""

from __future__ import annotations

import json

FIELDS: dict[str, dict[str, str]] = json.loads(
    r"""{
"AWSElasticBlockStoreVolumeSource": {"fsType": "string", "partition": "integer", "readOnly": "boolean", "volumeID":
"string"},
"Affinity": {"nodeAffinity": "NodeAffinity", "podAffinity": "PodAffinity", "podAntiAffinity": "PodAntiAffinity"},
"AppArmorProfile": {"localhostProfile": "string", "type": "string"},
"ArchiveStrategy": {"none": "any", "tar": "TarStrategy", "zip": "any"},
"Arguments": {"artifacts": "[]Artifact", "parameters": "[]Parameter"},
"Artifact": {"archive": "ArchiveStrategy", "archiveLogs": "boolean", "artifactGC": "ArtifactGC", "artifactory":
"ArtifactoryArtifact", "azure": "AzureArtifact", "deleted": "boolean", "from": "string", "fromExpression": "string",
"gcs": "GCSArtifact", "git": "GitArtifact", "globalName": "string", "hdfs": "HDFSArtifact", "http": "HTTPArtifact",
"mode": "integer", "name": "string", "optional": "boolean", "oss": "OSSArtifact", "path": "string", "plugin":
"PluginArtifact", "raw": "RawArtifact", "recurseMode": "boolean", "s3": "S3Artifact", "subPath": "string"},
"ArtifactGC": {"podMetadata": "Metadata", "serviceAccountName": "string", "strategy": "string"},
"ArtifactLocation": {"archiveLogs": "boolean", "artifactory": "ArtifactoryArtifact", "azure": "AzureArtifact", "gcs":
"GCSArtifact", "git": "GitArtifact", "hdfs": "HDFSArtifact", "http": "HTTPArtifact", "oss": "OSSArtifact", "plugin":
"PluginArtifact", "raw": "RawArtifact", "s3": "S3Artifact"},
"ArtifactPaths": {"archive": "ArchiveStrategy", "archiveLogs": "boolean", "artifactGC": "ArtifactGC", "artifactory":
"ArtifactoryArtifact", "azure": "AzureArtifact", "deleted": "boolean", "from": "string", "fromExpression": "string",
"gcs": "GCSArtifact", "git": "GitArtifact", "globalName": "string", "hdfs": "HDFSArtifact", "http": "HTTPArtifact",
"mode": "integer", "name": "string", "optional": "boolean", "oss": "OSSArtifact", "path": "string", "plugin":
"PluginArtifact", "raw": "RawArtifact", "recurseMode": "boolean", "s3": "S3Artifact", "subPath": "string"},
"ArtifactRepositoryRef": {"configMap": "string", "key": "string"},
"ArtifactoryArtifact": {"passwordSecret": "SecretKeySelector", "url": "string", "usernameSecret": "SecretKeySelector"},
"AzureArtifact": {"accountKeySecret": "SecretKeySelector", "blob": "string", "container": "string", "endpoint":
"string", "useSDKCreds": "boolean"},
"AzureDiskVolumeSource": {"cachingMode": "string", "diskName": "string", "diskURI": "string", "fsType": "string",
"kind": "string", "readOnly": "boolean"},
"AzureFileVolumeSource": {"readOnly": "boolean", "secretName": "string", "shareName": "string"},
"Backoff": {"cap": "string", "duration": "string", "factor": "intorstring", "maxDuration": "string"},
"BasicAuth": {"passwordSecret": "SecretKeySelector", "usernameSecret": "SecretKeySelector"},
"CSIVolumeSource": {"driver": "string", "fsType": "string", "nodePublishSecretRef": "LocalObjectReference",
"readOnly": "boolean", "volumeAttributes": "{}string"},
"Cache": {"configMap": "LocalObjectReference"},
"Capabilities": {"add": "[]string", "drop": "[]string"},
"CephFSVolumeSource": {"monitors": "[]string", "path": "string", "readOnly": "boolean", "secretFile": "string",
"secretRef": "LocalObjectReference", "user": "string"},
"CinderVolumeSource": {"fsType": "string", "readOnly": "boolean", "secretRef": "LocalObjectReference", "volumeID":
"string"},
"ClientCertAuth": {"clientCertSecret": "SecretKeySelector", "clientKeySecret": "SecretKeySelector"},
"ClusterTrustBundleProjection": {"labelSelector": "LabelSelector", "name": "string", "optional": "boolean", "path":
"string", "signerName": "string"},
"ConfigMapEnvSource": {"name": "string", "optional": "boolean"},
"ConfigMapKeySelector": {"key": "string", "name": "string", "optional": "boolean"},
"ConfigMapProjection": {"items": "[]KeyToPath", "name": "string", "optional": "boolean"},
"ConfigMapVolumeSource": {"defaultMode": "integer", "items": "[]KeyToPath", "name": "string", "optional": "boolean"},
"Container": {"args": "[]string", "command": "[]string", "env": "[]EnvVar", "envFrom": "[]EnvFromSource", "image":
"string", "imagePullPolicy": "string", "lifecycle": "Lifecycle", "livenessProbe": "Probe", "name": "string", "ports":
"[]ContainerPort", "readinessProbe": "Probe", "resizePolicy": "[]ContainerResizePolicy", "resources":
"ResourceRequirements", "restartPolicy": "string", "restartPolicyRules": "[]ContainerRestartRule", "securityContext":
"SecurityContext", "startupProbe": "Probe", "stdin": "boolean", "stdinOnce": "boolean", "terminationMessagePath":
"string", "terminationMessagePolicy": "string", "tty": "boolean", "volumeDevices": "[]VolumeDevice", "volumeMounts":
"[]VolumeMount", "workingDir": "string"},
"ContainerNode": {"args": "[]string", "command": "[]string", "dependencies": "[]string", "env": "[]EnvVar", "envFrom":
"[]EnvFromSource", "image": "string", "imagePullPolicy": "string", "lifecycle": "Lifecycle", "livenessProbe": "Probe",
"name": "string", "ports": "[]ContainerPort", "readinessProbe": "Probe", "resizePolicy": "[]ContainerResizePolicy",
"resources": "ResourceRequirements", "restartPolicy": "string", "restartPolicyRules": "[]ContainerRestartRule",
"securityContext": "SecurityContext", "startupProbe": "Probe", "stdin": "boolean", "stdinOnce": "boolean",
"terminationMessagePath": "string", "terminationMessagePolicy": "string", "tty": "boolean", "volumeDevices":
"[]VolumeDevice", "volumeMounts": "[]VolumeMount", "workingDir": "string"},
"ContainerPort": {"containerPort": "integer", "hostIP": "string", "hostPort": "integer", "name": "string", "protocol":
"string"},
"ContainerResizePolicy": {"resourceName": "string", "restartPolicy": "string"},
"ContainerRestartRule": {"action": "string", "exitCodes": "ContainerRestartRuleOnExitCodes"},
"ContainerRestartRuleOnExitCodes": {"operator": "string", "values": "[]integer"},
"ContainerSetRetryStrategy": {"duration": "string", "retries": "intorstring"},
"ContainerSetTemplate": {"containers": "[]ContainerNode", "retryStrategy": "ContainerSetRetryStrategy",
"volumeMounts": "[]VolumeMount"},
"ContinueOn": {"error": "boolean", "failed": "boolean"},
"Counter": {"value": "string"},
"CreateS3BucketOptions": {"objectLocking": "boolean"},
"DAGTask": {"arguments": "Arguments", "continueOn": "ContinueOn", "dependencies": "[]string", "depends": "string",
"hooks": "{}LifecycleHook", "inline": "Template", "name": "string", "onExit": "string", "template": "string",
"templateRef": "TemplateRef", "when": "string", "withItems": "[]any", "withParam": "string", "withSequence":
"Sequence"},
"DAGTemplate": {"failFast": "boolean", "target": "string", "tasks": "[]DAGTask"},
"Data": {"source": "DataSource", "transformation": "[]TransformationStep"},
"DataSource": {"artifactPaths": "ArtifactPaths"},
"DownwardAPIProjection": {"items": "[]DownwardAPIVolumeFile"},
"DownwardAPIVolumeFile": {"fieldRef": "ObjectFieldSelector", "mode": "integer", "path": "string", "resourceFieldRef":
"ResourceFieldSelector"},
"DownwardAPIVolumeSource": {"defaultMode": "integer", "items": "[]DownwardAPIVolumeFile"},
"EmptyDirVolumeSource": {"medium": "string", "sizeLimit": "quantity"},
"EnvFromSource": {"configMapRef": "ConfigMapEnvSource", "prefix": "string", "secretRef": "SecretEnvSource"},
"EnvVar": {"name": "string", "value": "string", "valueFrom": "EnvVarSource"},
"EnvVarSource": {"configMapKeyRef": "ConfigMapKeySelector", "fieldRef": "ObjectFieldSelector", "fileKeyRef":
"FileKeySelector", "resourceFieldRef": "ResourceFieldSelector", "secretKeyRef": "SecretKeySelector"},
"EphemeralVolumeSource": {"volumeClaimTemplate": "PersistentVolumeClaimTemplate"},
"ExecAction": {"command": "[]string"},
"ExecutorConfig": {"serviceAccountName": "string"},
"ExecutorPlugin": {"metadata": "ObjectMeta", "spec": "ExecutorPluginSpec"},
"ExecutorPluginSidecar": {"automountServiceAccountToken": "boolean", "container": "Container"},
"ExecutorPluginSpec": {"sidecar": "ExecutorPluginSidecar"},
"FCVolumeSource": {"fsType": "string", "lun": "integer", "readOnly": "boolean", "targetWWNs": "[]string", "wwids":
"[]string"},
"FileKeySelector": {"key": "string", "optional": "boolean", "path": "string", "volumeName": "string"},
"FlexVolumeSource": {"driver": "string", "fsType": "string", "options": "{}string", "readOnly": "boolean",
"secretRef": "LocalObjectReference"},
"FlockerVolumeSource": {"datasetName": "string", "datasetUUID": "string"},
"GCEPersistentDiskVolumeSource": {"fsType": "string", "partition": "integer", "pdName": "string", "readOnly":
"boolean"},
"GCSArtifact": {"bucket": "string", "key": "string", "serviceAccountKeySecret": "SecretKeySelector"},
"GRPCAction": {"port": "integer", "service": "string"},
"Gauge": {"operation": "string", "realtime": "boolean", "value": "string"},
"GitArtifact": {"branch": "string", "depth": "integer", "disableSubmodules": "boolean", "fetch": "[]string",
"insecureIgnoreHostKey": "boolean", "insecureSkipTLS": "boolean", "passwordSecret": "SecretKeySelector", "repo":
"string", "revision": "string", "singleBranch": "boolean", "sshPrivateKeySecret": "SecretKeySelector",
"usernameSecret": "SecretKeySelector"},
"GitRepoVolumeSource": {"directory": "string", "repository": "string", "revision": "string"},
"GlusterfsVolumeSource": {"endpoints": "string", "path": "string", "readOnly": "boolean"},
"HDFSArtifact": {"addresses": "[]string", "dataTransferProtection": "string", "force": "boolean", "hdfsUser":
"string", "krbCCacheSecret": "SecretKeySelector", "krbConfigConfigMap": "ConfigMapKeySelector", "krbKeytabSecret":
"SecretKeySelector", "krbRealm": "string", "krbServicePrincipalName": "string", "krbUsername": "string", "path":
"string"},
"HTTP": {"body": "string", "bodyFrom": "HTTPBodySource", "headers": "[]HTTPHeader", "insecureSkipVerify": "boolean",
"method": "string", "successCondition": "string", "timeoutSeconds": "integer", "url": "string"},
"HTTPArtifact": {"auth": "HTTPAuth", "headers": "[]Header", "saveStreamViaFile": "boolean", "url": "string"},
"HTTPAuth": {"basicAuth": "BasicAuth", "clientCert": "ClientCertAuth", "oauth2": "OAuth2Auth"},
"HTTPBodySource": {"bytes": "string"},
"HTTPGetAction": {"host": "string", "httpHeaders": "[]HTTPHeader", "path": "string", "port": "intorstring", "scheme":
"string"},
"HTTPHeader": {"name": "string", "value": "string"},
"Header": {"name": "string", "value": "string"},
"Histogram": {"buckets": "[]number", "value": "string"},
"HostAlias": {"hostnames": "[]string", "ip": "string"},
"HostPathVolumeSource": {"path": "string", "type": "string"},
"ISCSIVolumeSource": {"chapAuthDiscovery": "boolean", "chapAuthSession": "boolean", "fsType": "string",
"initiatorName": "string", "iqn": "string", "iscsiInterface": "string", "lun": "integer", "portals": "[]string",
"readOnly": "boolean", "secretRef": "LocalObjectReference", "targetPortal": "string"},
"ImageVolumeSource": {"pullPolicy": "string", "reference": "string"},
"Inputs": {"artifacts": "[]Artifact", "parameters": "[]Parameter"},
"KeyToPath": {"key": "string", "mode": "integer", "path": "string"},
"LabelSelector": {"matchExpressions": "[]LabelSelectorRequirement", "matchLabels": "{}string"},
"LabelSelectorRequirement": {"key": "string", "operator": "string", "values": "[]string"},
"LabelValueFrom": {"expression": "string"},
"Lifecycle": {"postStart": "LifecycleHandler", "preStop": "LifecycleHandler", "stopSignal": "string"},
"LifecycleHandler": {"exec": "ExecAction", "httpGet": "HTTPGetAction", "sleep": "SleepAction", "tcpSocket":
"TCPSocketAction"},
"LifecycleHook": {"arguments": "Arguments", "expression": "string", "template": "string", "templateRef":
"TemplateRef"},
"LocalObjectReference": {"name": "string"},
"ManifestFrom": {"artifact": "Artifact"},
"Memoize": {"cache": "Cache", "key": "string", "maxAge": "string"},
"Metadata": {"annotations": "{}string", "labels": "{}string"},
"MetricLabel": {"key": "string", "value": "string"},
"Metrics": {"prometheus": "[]Prometheus"},
"ModifyVolumeStatus": {"status": "string", "targetVolumeAttributesClassName": "string"},
"Mutex": {"database": "boolean", "name": "string", "namespace": "string"},
"NFSVolumeSource": {"path": "string", "readOnly": "boolean", "server": "string"},
"NodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": "[]PreferredSchedulingTerm",
"requiredDuringSchedulingIgnoredDuringExecution": "NodeSelector"},
"NodeSelector": {"nodeSelectorTerms": "[]NodeSelectorTerm"},
"NodeSelectorRequirement": {"key": "string", "operator": "string", "values": "[]string"},
"NodeSelectorTerm": {"matchExpressions": "[]NodeSelectorRequirement", "matchFields": "[]NodeSelectorRequirement"},
"OAuth2Auth": {"clientIDSecret": "SecretKeySelector", "clientSecretSecret": "SecretKeySelector", "endpointParams":
"[]OAuth2EndpointParam", "scopes": "[]string", "tokenURLSecret": "SecretKeySelector"},
"OAuth2EndpointParam": {"key": "string", "value": "string"},
"OSSArtifact": {"accessKeySecret": "SecretKeySelector", "bucket": "string", "createBucketIfNotPresent": "boolean",
"endpoint": "string", "key": "string", "lifecycleRule": "OSSLifecycleRule", "secretKeySecret": "SecretKeySelector",
"securityToken": "string", "useSDKCreds": "boolean"},
"OSSLifecycleRule": {"markDeletionAfterDays": "integer", "markInfrequentAccessAfterDays": "integer"},
"ObjectFieldSelector": {"apiVersion": "string", "fieldPath": "string"},
"ObjectMeta": {"annotations": "{}string", "creationTimestamp": "string", "deletionGracePeriodSeconds": "integer",
"deletionTimestamp": "string", "finalizers": "[]string", "generateName": "string", "generation": "integer", "labels":
"{}string", "managedFields": "[]any", "name": "string", "namespace": "string", "ownerReferences": "[]OwnerReference",
"resourceVersion": "string", "selfLink": "string", "uid": "string"},
"Outputs": {"artifacts": "[]Artifact", "exitCode": "string", "parameters": "[]Parameter", "result": "string"},
"OwnerReference": {"apiVersion": "string", "blockOwnerDeletion": "boolean", "controller": "boolean", "kind": "string",
"name": "string", "uid": "string"},
"Parameter": {"default": "string", "description": "string", "enum": "[]string", "globalName": "string", "name":
"string", "value": "string", "valueFrom": "ValueFrom"},
"PersistentVolumeClaim": {"apiVersion": "string", "kind": "string", "metadata": "ObjectMeta", "spec":
"PersistentVolumeClaimSpec", "status": "PersistentVolumeClaimStatus"},
"PersistentVolumeClaimCondition": {"lastProbeTime": "string", "lastTransitionTime": "string", "message": "string",
"reason": "string", "status": "string", "type": "string"},
"PersistentVolumeClaimSpec": {"accessModes": "[]string", "dataSource": "TypedLocalObjectReference", "dataSourceRef":
"TypedObjectReference", "resources": "VolumeResourceRequirements", "selector": "LabelSelector", "storageClassName":
"string", "volumeAttributesClassName": "string", "volumeMode": "string", "volumeName": "string"},
"PersistentVolumeClaimStatus": {"accessModes": "[]string", "allocatedResourceStatuses": "{}string",
"allocatedResources": "{}quantity", "capacity": "{}quantity", "conditions": "[]PersistentVolumeClaimCondition",
"currentVolumeAttributesClassName": "string", "modifyVolumeStatus": "ModifyVolumeStatus", "phase": "string"},
"PersistentVolumeClaimTemplate": {"metadata": "ObjectMeta", "spec": "PersistentVolumeClaimSpec"},
"PersistentVolumeClaimVolumeSource": {"claimName": "string", "readOnly": "boolean"},
"PhotonPersistentDiskVolumeSource": {"fsType": "string", "pdID": "string"},
"PluginArtifact": {"configuration": "string", "connectionTimeoutSeconds": "integer", "key": "string", "name":
"string"},
"PodAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": "[]WeightedPodAffinityTerm",
"requiredDuringSchedulingIgnoredDuringExecution": "[]PodAffinityTerm"},
"PodAffinityTerm": {"labelSelector": "LabelSelector", "matchLabelKeys": "[]string", "mismatchLabelKeys": "[]string",
"namespaceSelector": "LabelSelector", "namespaces": "[]string", "topologyKey": "string"},
"PodAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": "[]WeightedPodAffinityTerm",
"requiredDuringSchedulingIgnoredDuringExecution": "[]PodAffinityTerm"},
"PodCertificateProjection": {"certificateChainPath": "string", "credentialBundlePath": "string", "keyPath": "string",
"keyType": "string", "maxExpirationSeconds": "integer", "signerName": "string", "userAnnotations": "{}string"},
"PodDNSConfig": {"nameservers": "[]string", "options": "[]PodDNSConfigOption", "searches": "[]string"},
"PodDNSConfigOption": {"name": "string", "value": "string"},
"PodDisruptionBudgetSpec": {"maxUnavailable": "intorstring", "minAvailable": "intorstring", "selector":
"LabelSelector", "unhealthyPodEvictionPolicy": "string"},
"PodGC": {"deleteDelayDuration": "string", "labelSelector": "LabelSelector", "strategy": "string"},
"PodResourceClaim": {"name": "string", "resourceClaimName": "string", "resourceClaimTemplateName": "string"},
"PodSecurityContext": {"appArmorProfile": "AppArmorProfile", "fsGroup": "integer", "fsGroupChangePolicy": "string",
"runAsGroup": "integer", "runAsNonRoot": "boolean", "runAsUser": "integer", "seLinuxChangePolicy": "string",
"seLinuxOptions": "SELinuxOptions", "seccompProfile": "SeccompProfile", "supplementalGroups": "[]integer",
"supplementalGroupsPolicy": "string", "sysctls": "[]Sysctl", "windowsOptions": "WindowsSecurityContextOptions"},
"PortworxVolumeSource": {"fsType": "string", "readOnly": "boolean", "volumeID": "string"},
"PreferredSchedulingTerm": {"preference": "NodeSelectorTerm", "weight": "integer"},
"Probe": {"exec": "ExecAction", "failureThreshold": "integer", "grpc": "GRPCAction", "httpGet": "HTTPGetAction",
"initialDelaySeconds": "integer", "periodSeconds": "integer", "successThreshold": "integer", "tcpSocket":
"TCPSocketAction", "terminationGracePeriodSeconds": "integer", "timeoutSeconds": "integer"},
"ProjectedVolumeSource": {"defaultMode": "integer", "sources": "[]VolumeProjection"},
"Prometheus": {"counter": "Counter", "gauge": "Gauge", "help": "string", "histogram": "Histogram", "labels":
"[]MetricLabel", "name": "string", "when": "string"},
"QuobyteVolumeSource": {"group": "string", "readOnly": "boolean", "registry": "string", "tenant": "string", "user":
"string", "volume": "string"},
"RBDVolumeSource": {"fsType": "string", "image": "string", "keyring": "string", "monitors": "[]string", "pool":
"string", "readOnly": "boolean", "secretRef": "LocalObjectReference", "user": "string"},
"RawArtifact": {"data": "string"},
"ResourceClaim": {"name": "string", "request": "string"},
"ResourceFieldSelector": {"containerName": "string", "divisor": "quantity", "resource": "string"},
"ResourceRequirements": {"claims": "[]ResourceClaim", "limits": "{}quantity", "requests": "{}quantity"},
"ResourceTemplate": {"action": "string", "failureCondition": "string", "flags": "[]string", "manifest": "string",
"manifestFrom": "ManifestFrom", "mergeStrategy": "string", "setOwnerReference": "boolean", "successCondition":
"string"},
"RetryAffinity": {"nodeAntiAffinity": "any"},
"RetryStrategy": {"affinity": "RetryAffinity", "backoff": "Backoff", "expression": "string", "limit": "intorstring",
"retryPolicy": "string"},
"S3Artifact": {"accessKeySecret": "SecretKeySelector", "addressingStyle": "string", "bucket": "string", "caSecret":
"SecretKeySelector", "createBucketIfNotPresent": "CreateS3BucketOptions", "encryptionOptions": "S3EncryptionOptions",
"endpoint": "string", "insecure": "boolean", "key": "string", "region": "string", "roleARN": "string",
"secretKeySecret": "SecretKeySelector", "sessionTokenSecret": "SecretKeySelector", "useSDKCreds": "boolean"},
"S3EncryptionOptions": {"enableEncryption": "boolean", "kmsEncryptionContext": "string", "kmsKeyId": "string",
"serverSideCustomerKeySecret": "SecretKeySelector"},
"SELinuxOptions": {"level": "string", "role": "string", "type": "string", "user": "string"},
"ScaleIOVolumeSource": {"fsType": "string", "gateway": "string", "protectionDomain": "string", "readOnly": "boolean",
"secretRef": "LocalObjectReference", "sslEnabled": "boolean", "storageMode": "string", "storagePool": "string",
"system": "string", "volumeName": "string"},
"ScriptTemplate": {"args": "[]string", "command": "[]string", "env": "[]EnvVar", "envFrom": "[]EnvFromSource",
"image": "string", "imagePullPolicy": "string", "lifecycle": "Lifecycle", "livenessProbe": "Probe", "name": "string",
"ports": "[]ContainerPort", "readinessProbe": "Probe", "resizePolicy": "[]ContainerResizePolicy", "resources":
"ResourceRequirements", "restartPolicy": "string", "restartPolicyRules": "[]ContainerRestartRule", "securityContext":
"SecurityContext", "source": "string", "startupProbe": "Probe", "stdin": "boolean", "stdinOnce": "boolean",
"terminationMessagePath": "string", "terminationMessagePolicy": "string", "tty": "boolean", "volumeDevices":
"[]VolumeDevice", "volumeMounts": "[]VolumeMount", "workingDir": "string"},
"SeccompProfile": {"localhostProfile": "string", "type": "string"},
"SecretEnvSource": {"name": "string", "optional": "boolean"},
"SecretKeySelector": {"key": "string", "name": "string", "optional": "boolean"},
"SecretProjection": {"items": "[]KeyToPath", "name": "string", "optional": "boolean"},
"SecretVolumeSource": {"defaultMode": "integer", "items": "[]KeyToPath", "optional": "boolean", "secretName":
"string"},
"SecurityContext": {"allowPrivilegeEscalation": "boolean", "appArmorProfile": "AppArmorProfile", "capabilities":
"Capabilities", "privileged": "boolean", "procMount": "string", "readOnlyRootFilesystem": "boolean", "runAsGroup":
"integer", "runAsNonRoot": "boolean", "runAsUser": "integer", "seLinuxOptions": "SELinuxOptions", "seccompProfile":
"SeccompProfile", "windowsOptions": "WindowsSecurityContextOptions"},
"SemaphoreRef": {"configMapKeyRef": "ConfigMapKeySelector", "database": "SyncDatabaseRef", "namespace": "string"},
"Sequence": {"count": "intorstring", "end": "intorstring", "format": "string", "start": "intorstring"},
"ServiceAccountTokenProjection": {"audience": "string", "expirationSeconds": "integer", "path": "string"},
"SleepAction": {"seconds": "integer"},
"StorageOSVolumeSource": {"fsType": "string", "readOnly": "boolean", "secretRef": "LocalObjectReference",
"volumeName": "string", "volumeNamespace": "string"},
"SuspendTemplate": {"duration": "string"},
"SyncDatabaseRef": {"key": "string"},
"Synchronization": {"mutexes": "[]Mutex", "semaphores": "[]SemaphoreRef"},
"Sysctl": {"name": "string", "value": "string"},
"TCPSocketAction": {"host": "string", "port": "intorstring"},
"TTLStrategy": {"secondsAfterCompletion": "integer", "secondsAfterFailure": "integer", "secondsAfterSuccess":
"integer"},
"TarStrategy": {"compressionLevel": "integer"},
"Template": {"activeDeadlineSeconds": "intorstring", "affinity": "Affinity", "annotations": "{}string",
"archiveLocation": "ArtifactLocation", "automountServiceAccountToken": "boolean", "container": "Container",
"containerSet": "ContainerSetTemplate", "daemon": "boolean", "dag": "DAGTemplate", "data": "Data", "executor":
"ExecutorConfig", "failFast": "boolean", "hostAliases": "[]HostAlias", "http": "HTTP", "initContainers":
"[]UserContainer", "inputs": "Inputs", "memoize": "Memoize", "metadata": "Metadata", "metrics": "Metrics", "name":
"string", "nodeSelector": "{}string", "outputs": "Outputs", "parallelism": "integer", "pendingTimeout": "string",
"plugin": "any", "podResources": "ResourceRequirements", "podSpecPatch": "string", "priorityClassName": "string",
"resource": "ResourceTemplate", "resourceClaims": "[]PodResourceClaim", "retryStrategy": "RetryStrategy",
"schedulerName": "string", "script": "ScriptTemplate", "securityContext": "PodSecurityContext", "serviceAccountName":
"string", "sidecars": "[]UserContainer", "steps": "[][]WorkflowStep", "suspend": "SuspendTemplate", "synchronization":
"Synchronization", "timeout": "string", "tolerations": "[]Toleration", "volumes": "[]Volume"},
"TemplateRef": {"clusterScope": "boolean", "name": "string", "template": "string"},
"Toleration": {"effect": "string", "key": "string", "operator": "string", "tolerationSeconds": "integer", "value":
"string"},
"TransformationStep": {"expression": "string"},
"TypedLocalObjectReference": {"apiGroup": "string", "kind": "string", "name": "string"},
"TypedObjectReference": {"apiGroup": "string", "kind": "string", "name": "string", "namespace": "string"},
"UserContainer": {"args": "[]string", "command": "[]string", "env": "[]EnvVar", "envFrom": "[]EnvFromSource", "image":
"string", "imagePullPolicy": "string", "lifecycle": "Lifecycle", "livenessProbe": "Probe", "mirrorVolumeMounts":
"boolean", "name": "string", "ports": "[]ContainerPort", "readinessProbe": "Probe", "resizePolicy":
"[]ContainerResizePolicy", "resources": "ResourceRequirements", "restartPolicy": "string", "restartPolicyRules":
"[]ContainerRestartRule", "securityContext": "SecurityContext", "startupProbe": "Probe", "stdin": "boolean",
"stdinOnce": "boolean", "terminationMessagePath": "string", "terminationMessagePolicy": "string", "tty": "boolean",
"volumeDevices": "[]VolumeDevice", "volumeMounts": "[]VolumeMount", "workingDir": "string"},
"ValueFrom": {"configMapKeyRef": "ConfigMapKeySelector", "default": "string", "event": "string", "expression":
"string", "jqFilter": "string", "jsonPath": "string", "parameter": "string", "path": "string", "supplied": "any"},
"Volume": {"awsElasticBlockStore": "AWSElasticBlockStoreVolumeSource", "azureDisk": "AzureDiskVolumeSource",
"azureFile": "AzureFileVolumeSource", "cephfs": "CephFSVolumeSource", "cinder": "CinderVolumeSource", "configMap":
"ConfigMapVolumeSource", "csi": "CSIVolumeSource", "downwardAPI": "DownwardAPIVolumeSource", "emptyDir":
"EmptyDirVolumeSource", "ephemeral": "EphemeralVolumeSource", "fc": "FCVolumeSource", "flexVolume":
"FlexVolumeSource", "flocker": "FlockerVolumeSource", "gcePersistentDisk": "GCEPersistentDiskVolumeSource", "gitRepo":
"GitRepoVolumeSource", "glusterfs": "GlusterfsVolumeSource", "hostPath": "HostPathVolumeSource", "image":
"ImageVolumeSource", "iscsi": "ISCSIVolumeSource", "name": "string", "nfs": "NFSVolumeSource",
"persistentVolumeClaim": "PersistentVolumeClaimVolumeSource", "photonPersistentDisk":
"PhotonPersistentDiskVolumeSource", "portworxVolume": "PortworxVolumeSource", "projected": "ProjectedVolumeSource",
"quobyte": "QuobyteVolumeSource", "rbd": "RBDVolumeSource", "scaleIO": "ScaleIOVolumeSource", "secret":
"SecretVolumeSource", "storageos": "StorageOSVolumeSource", "vsphereVolume": "VsphereVirtualDiskVolumeSource"},
"VolumeClaimGC": {"strategy": "string"},
"VolumeDevice": {"devicePath": "string", "name": "string"},
"VolumeMount": {"mountPath": "string", "mountPropagation": "string", "name": "string", "readOnly": "boolean",
"recursiveReadOnly": "string", "subPath": "string", "subPathExpr": "string"},
"VolumeProjection": {"clusterTrustBundle": "ClusterTrustBundleProjection", "configMap": "ConfigMapProjection",
"downwardAPI": "DownwardAPIProjection", "podCertificate": "PodCertificateProjection", "secret": "SecretProjection",
"serviceAccountToken": "ServiceAccountTokenProjection"},
"VolumeResourceRequirements": {"limits": "{}quantity", "requests": "{}quantity"},
"VsphereVirtualDiskVolumeSource": {"fsType": "string", "storagePolicyID": "string", "storagePolicyName": "string",
"volumePath": "string"},
"WeightedPodAffinityTerm": {"podAffinityTerm": "PodAffinityTerm", "weight": "integer"},
"WindowsSecurityContextOptions": {"gmsaCredentialSpec": "string", "gmsaCredentialSpecName": "string", "hostProcess":
"boolean", "runAsUserName": "string"},
"Workflow": {"apiVersion": "string", "kind": "string", "metadata": "ObjectMeta", "spec": "WorkflowSpec", "status":
"any"},
"WorkflowLevelArtifactGC": {"forceFinalizerRemoval": "boolean", "podMetadata": "Metadata", "podSpecPatch": "string",
"serviceAccountName": "string", "strategy": "string"},
"WorkflowMetadata": {"annotations": "{}string", "labels": "{}string", "labelsFrom": "{}LabelValueFrom"},
"WorkflowSpec": {"activeDeadlineSeconds": "integer", "affinity": "Affinity", "archiveLogs": "boolean", "arguments":
"Arguments", "artifactGC": "WorkflowLevelArtifactGC", "artifactRepositoryRef": "ArtifactRepositoryRef",
"automountServiceAccountToken": "boolean", "dnsConfig": "PodDNSConfig", "dnsPolicy": "string", "entrypoint": "string",
"executor": "ExecutorConfig", "executorPlugins": "[]ExecutorPlugin", "hooks": "{}LifecycleHook", "hostAliases":
"[]HostAlias", "hostNetwork": "boolean", "imagePullSecrets": "[]LocalObjectReference", "metrics": "Metrics",
"nodeSelector": "{}string", "onExit": "string", "parallelism": "integer", "podDisruptionBudget":
"PodDisruptionBudgetSpec", "podGC": "PodGC", "podMetadata": "Metadata", "podPriorityClassName": "string",
"podResources": "ResourceRequirements", "podSpecPatch": "string", "priority": "integer", "resourceClaims":
"[]PodResourceClaim", "retryStrategy": "RetryStrategy", "schedulerName": "string", "securityContext":
"PodSecurityContext", "serviceAccountName": "string", "shutdown": "string", "suspend": "boolean", "synchronization":
"Synchronization", "templateDefaults": "Template", "templates": "[]Template", "tolerations": "[]Toleration",
"ttlStrategy": "TTLStrategy", "volumeClaimGC": "VolumeClaimGC", "volumeClaimTemplates": "[]PersistentVolumeClaim",
"volumes": "[]Volume", "workflowMetadata": "WorkflowMetadata", "workflowTemplateRef": "WorkflowTemplateRef"},
"WorkflowStep": {"arguments": "Arguments", "continueOn": "ContinueOn", "hooks": "{}LifecycleHook", "inline":
"Template", "name": "string", "onExit": "string", "template": "string", "templateRef": "TemplateRef", "when":
"string", "withItems": "[]any", "withParam": "string", "withSequence": "Sequence"},
"WorkflowTemplateRef": {"clusterScope": "boolean", "name": "string"}
}"""
)
"""By the name of a type, its fields and their types: `string`, `[]Container`, `{}string`, `quantity`, `any`."""
