// Copyright: (c) 2026, the argo.workflows authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	devices "k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1"
)

const (
	gpuResource = "nvidia.com/gpu"
	realGPUs    = "real"
	// driverFolder is where containers look for the driver's programs and libraries (PATH and LD_LIBRARY_PATH of NVIDIA's images).
	driverFolder = "/usr/local/nvidia"
)

// A card is what one unit of nvidia.com/gpu stands for. A simulated one has no files.
type card struct {
	id    string
	nodes []string // device files
}

// findCards returns n simulated cards for gpus "n", or the machine's own for "real".
func findCards(gpus string) ([]card, error) {
	if gpus == realGPUs {
		return findRealCards("/proc/driver/nvidia/gpus", "/dev")
	}
	count, err := strconv.Atoi(gpus)
	if err != nil || count < 0 {
		return nil, fmt.Errorf("--gpus %q is neither a number nor 'real'", gpus)
	}
	cards := make([]card, count)
	for i := range cards {
		cards[i].id = fmt.Sprintf("simulated-%d", i)
	}
	return cards, nil
}

var cardInformation = regexp.MustCompile(`(?m)^(GPU UUID|Device Minor):\s*(\S+)`)

// findRealCards reads the driver's description of each card, and takes those that have a device file here.
func findRealCards(driver, dev string) ([]card, error) {
	descriptions, err := filepath.Glob(filepath.Join(driver, "*", "information"))
	if err != nil {
		return nil, err
	}
	var shared []string
	for _, name := range []string{"nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset"} {
		if path := filepath.Join(dev, name); exists(path) {
			shared = append(shared, path)
		}
	}
	var cards []card
	for _, description := range descriptions {
		text, err := os.ReadFile(description)
		if err != nil {
			return nil, err
		}
		values := map[string]string{}
		for _, match := range cardInformation.FindAllStringSubmatch(string(text), -1) {
			values[match[1]] = match[2]
		}
		if node := filepath.Join(dev, "nvidia"+values["Device Minor"]); exists(node) {
			cards = append(cards, card{id: values["GPU UUID"], nodes: append([]string{node}, shared...)})
		}
	}
	if len(cards) == 0 {
		return nil, fmt.Errorf("no NVIDIA card with a device file in %s is described in %s: is its driver loaded?", dev, driver)
	}
	return cards, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// cardPlugin is the kubelet's device plugin for cards.
type cardPlugin struct {
	devices.UnimplementedDevicePluginServer
	cards []card
}

// serveCards offers the cards to the kubelet, again after every restart of it, without end.
func serveCards(cards []card) error {
	socket := filepath.Join(devices.DevicePluginPath, "argo-local-cluster.sock")
	for {
		if answers(devices.KubeletSocket) {
			if err := serveUntilKubeletRestarts(cards, socket); err != nil {
				log.Printf("the device plugin cannot register: %v", err)
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// serveUntilKubeletRestarts returns when the plugin's socket is gone: a kubelet that starts removes it.
func serveUntilKubeletRestarts(cards []card, socket string) error {
	if err := os.RemoveAll(socket); err != nil {
		return err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	devices.RegisterDevicePluginServer(server, cardPlugin{cards: cards})
	go server.Serve(listener)
	defer server.Stop()
	connection, err := grpc.NewClient("unix://"+devices.KubeletSocket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if _, err := devices.NewRegistrationClient(connection).Register(ctx, &devices.RegisterRequest{
		Version: devices.Version, Endpoint: filepath.Base(socket), ResourceName: gpuResource,
	}); err != nil {
		return err
	}
	for exists(socket) {
		time.Sleep(200 * time.Millisecond)
	}
	return nil
}

func (p cardPlugin) GetDevicePluginOptions(context.Context, *devices.Empty) (*devices.DevicePluginOptions, error) {
	return &devices.DevicePluginOptions{}, nil
}

func (p cardPlugin) ListAndWatch(_ *devices.Empty, stream devices.DevicePlugin_ListAndWatchServer) error {
	var all []*devices.Device
	for _, card := range p.cards {
		all = append(all, &devices.Device{ID: card.id, Health: devices.Healthy})
	}
	if err := stream.Send(&devices.ListAndWatchResponse{Devices: all}); err != nil {
		return err
	}
	<-stream.Context().Done()
	return nil
}

// Allocate gives a container the device files of its cards, the driver if they are real, and their names in the variable that
// NVIDIA's own plugin sets.
func (p cardPlugin) Allocate(_ context.Context, request *devices.AllocateRequest) (*devices.AllocateResponse, error) {
	var response devices.AllocateResponse
	for _, container := range request.ContainerRequests {
		allocated := &devices.ContainerAllocateResponse{
			Envs: map[string]string{"NVIDIA_VISIBLE_DEVICES": strings.Join(container.DevicesIds, ",")},
		}
		given := map[string]bool{}
		for _, card := range p.cards {
			if !slices.Contains(container.DevicesIds, card.id) {
				continue
			}
			for _, node := range card.nodes {
				if !given[node] {
					allocated.Devices = append(allocated.Devices, &devices.DeviceSpec{HostPath: node, ContainerPath: node, Permissions: "rw"})
				}
				given[node] = true
			}
		}
		if len(given) > 0 && exists(driverFolder) {
			allocated.Mounts = []*devices.Mount{{HostPath: driverFolder, ContainerPath: driverFolder, ReadOnly: true}}
		}
		response.ContainerResponses = append(response.ContainerResponses, allocated)
	}
	return &response, nil
}
