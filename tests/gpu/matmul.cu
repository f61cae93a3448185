// Copyright: (c) 2026, the argo.workflows authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// matmul N: multiplies two random N x N matrices of float32 on the GPU, N a multiple of 128. Prints the median time of ten
// products and how far the CPU's own result is from the GPU's. Fails, with a sentence on stderr, if they differ.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include <cuda_runtime.h>

constexpr int TILE = 128;   // a block of threads computes TILE x TILE elements
constexpr int DEPTH = 16;   // of this many products at a time
constexpr int SIDE = 16;    // with SIDE x SIDE threads
constexpr int PART = TILE / SIDE;
constexpr int REPEATS = 10;
constexpr double TOLERANCE = 1e-4;
constexpr double GIB = 1 << 30;

__global__ void multiply(const float *a, const float *b, float *c, int n)
{
    __shared__ float rows[DEPTH][TILE + 1], columns[DEPTH][TILE];
    const size_t top = size_t(blockIdx.y) * TILE, left = size_t(blockIdx.x) * TILE;
    const int x = threadIdx.x % SIDE, y = threadIdx.x / SIDE;
    float sums[PART][PART] = {};
    for (int k = 0; k < n; k += DEPTH) {
        for (int i = threadIdx.x; i < TILE * DEPTH; i += SIDE * SIDE) {
            rows[i % DEPTH][i / DEPTH] = a[(top + i / DEPTH) * n + k + i % DEPTH];
            columns[i / TILE][i % TILE] = b[size_t(k + i / TILE) * n + left + i % TILE];
        }
        __syncthreads();
#pragma unroll
        for (int d = 0; d < DEPTH; d++) {
            float row[PART], column[PART];
#pragma unroll
            for (int i = 0; i < PART; i++) {
                row[i] = rows[d][y + i * SIDE];
                column[i] = columns[d][x + i * SIDE];
            }
#pragma unroll
            for (int i = 0; i < PART; i++)
#pragma unroll
                for (int j = 0; j < PART; j++)
                    sums[i][j] += row[i] * column[j];
        }
        __syncthreads();
    }
    for (int i = 0; i < PART; i++)
        for (int j = 0; j < PART; j++)
            c[(top + y + i * SIDE) * n + left + x + j * SIDE] = sums[i][j];
}

static void check(cudaError_t result, const char *doing)
{
    if (result != cudaSuccess) {
        fprintf(stderr, "matmul: %s: %s\n", doing, cudaGetErrorString(result));
        exit(1);
    }
}

static float *allocate(size_t bytes)
{
    float *memory;
    size_t available, total;
    char doing[100];
    check(cudaMemGetInfo(&available, &total), "asking for the GPU's free memory");
    snprintf(doing, sizeof doing, "asking for %.1f GiB of GPU memory, of which %.1f GiB are free", bytes / GIB, available / GIB);
    check(cudaMalloc(&memory, bytes), doing);
    return memory;
}

static std::vector<float> randoms(size_t count, std::mt19937 &generator)
{
    std::vector<float> values(count);
    for (float &value : values)
        value = generator() * 0x1p-31f - 1;
    return values;
}

template <typename Value> static std::vector<double> times(const std::vector<Value> &matrix, const std::vector<double> &vector)
{
    const size_t n = vector.size();
    std::vector<double> result(n);
    for (size_t row = 0; row < n; row++)
        for (size_t column = 0; column < n; column++)
            result[row] += double(matrix[row * n + column]) * vector[column];
    return result;
}

// The largest difference between Cx and A(Bx) for a random x, relative to their usual size: it shows a single wrong element of
// C, at the cost of three matrix-vector products (Freivalds). NaN if an element of C is.
static double difference(const std::vector<float> &a, const std::vector<float> &b, const std::vector<float> &c,
                         const std::vector<float> &x)
{
    const std::vector<double> vector(x.begin(), x.end());
    const std::vector<double> expected = times(a, times(b, vector)), computed = times(c, vector);
    double largest = 0, squares = 0;
    for (size_t i = 0; i < x.size(); i++) {
        const double error = std::abs(computed[i] - expected[i]);
        largest = error <= largest ? largest : error;
        squares += expected[i] * expected[i];
    }
    return largest / std::sqrt(squares / x.size());
}

int main(int count, char **arguments)
{
    const int n = count == 2 ? atoi(arguments[1]) : 0;
    if (n <= 0 || n % TILE != 0) {
        fprintf(stderr, "usage: matmul N, N a multiple of %d\n", TILE);
        return 2;
    }
    const size_t elements = size_t(n) * n, bytes = elements * sizeof(float);
    cudaDeviceProp card;
    check(cudaGetDeviceProperties(&card, 0), "looking for a GPU");
    float *a = allocate(bytes), *b = allocate(bytes), *c = allocate(bytes);

    std::mt19937 generator{std::random_device{}()};
    const std::vector<float> left = randoms(elements, generator), right = randoms(elements, generator);
    check(cudaMemcpy(a, left.data(), bytes, cudaMemcpyHostToDevice), "copying to the GPU");
    check(cudaMemcpy(b, right.data(), bytes, cudaMemcpyHostToDevice), "copying to the GPU");

    cudaEvent_t begin, end;
    check(cudaEventCreate(&begin), "creating an event");
    check(cudaEventCreate(&end), "creating an event");
    std::vector<float> milliseconds;
    for (int repeat = 0; repeat <= REPEATS; repeat++) { // the first one only warms up
        float elapsed;
        check(cudaMemset(c, 0xff, bytes), "filling the result with NaN");
        check(cudaEventRecord(begin), "timing");
        multiply<<<dim3(n / TILE, n / TILE), SIDE * SIDE>>>(a, b, c, n);
        check(cudaGetLastError(), "starting the product");
        check(cudaEventRecord(end), "timing");
        check(cudaEventSynchronize(end), "multiplying");
        check(cudaEventElapsedTime(&elapsed, begin, end), "timing");
        if (repeat > 0)
            milliseconds.push_back(elapsed);
    }
    std::sort(milliseconds.begin(), milliseconds.end());
    const double median = milliseconds[REPEATS / 2];
    std::vector<float> product(elements);
    check(cudaMemcpy(product.data(), c, bytes, cudaMemcpyDeviceToHost), "copying from the GPU");

    const double error = difference(left, right, product, randoms(n, generator));
    printf("%s: %d x %d float32 product in %.2f ms, %.1f TFLOP/s; the CPU's differs by %.1e\n", card.name, n, n, median,
           2.0 * n * n * n / median / 1e9, error);
    if (!(error < TOLERANCE)) {
        fprintf(stderr, "matmul: the GPU's product is not the CPU's\n");
        return 1;
    }
    return 0;
}
