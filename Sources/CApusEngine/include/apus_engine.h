// The whole interface between Apus and its engine, in plain C.
//
// The engine is a shared library with one symbol, `const apus_engine *apus_engine_get(void)`; the
// table it returns is valid until the process ends. Every call that can fail returns a status (0 is
// success) and describes a failure through its last argument; results come through out-parameters
// that a failure leaves untouched. Who receives a handle owns it and calls its `_destroy`, while
// arguments are only borrowed. Any change to the table raises the version.
//
// A device is -1 for the CPU and the index of a GPU otherwise. Shapes use docs/shapes.md.
#pragma once

#include <stdint.h>

#define APUS_ENGINE_ABI 2
#define APUS_DIMENSIONS_MAX 8

typedef int32_t apus_status;
typedef struct apus_error apus_error;
typedef struct apus_tensor apus_tensor;
typedef struct apus_list apus_list;
typedef struct apus_graph apus_graph;
typedef struct apus_store apus_store;
typedef struct apus_group apus_group;
typedef struct apus_work apus_work;

// The fixed numbers of element types.
enum {
    APUS_FLOAT32 = 0,
    APUS_FLOAT64 = 1,
    APUS_FLOAT16 = 2,
    APUS_BFLOAT16 = 3,
    APUS_INT64 = 4,
    APUS_INT32 = 5,
    APUS_UINT8 = 6,
};

typedef struct apus_engine {
    int32_t abi_version;
    int32_t struct_size;

    // Process: the library's version, its devices, threads, memory and gradient mode.
    const char *(*library_version)(void);
    int32_t (*cuda_exists)(void);
    int32_t (*device_count)(void);
    apus_status (*device_open)(int32_t device, apus_error **error);
    apus_status (*threads_set)(int64_t count, apus_error **error);
    apus_status (*memory_read)(
        int32_t device, int64_t *current_bytes, int64_t *peak_bytes, apus_error **error);
    apus_status (*memory_reset_peak)(int32_t device, apus_error **error);
    apus_status (*gradients_record)(int32_t record, int32_t *recorded_before, apus_error **error);
    const char *(*error_message)(const apus_error *error);
    void (*error_destroy)(apus_error *error);
    void (*bytes_destroy)(char *bytes);

    // Tensors: making, reading, viewing, changing in place.
    apus_status (*tensor_empty)(
        const int64_t *shape, int64_t dimensions, int32_t type, int32_t device,
        apus_tensor **result, apus_error **error);
    apus_status (*tensor_zeros)(
        const int64_t *shape, int64_t dimensions, int32_t type, int32_t device,
        apus_tensor **result, apus_error **error);
    apus_status (*tensor_copy_in)(
        const void *values, const int64_t *shape, int64_t dimensions, int32_t type, int32_t device,
        apus_tensor **result, apus_error **error);
    apus_status (*tensor_copy_out)(
        const apus_tensor *tensor, int32_t type, void *values, int64_t count, apus_error **error);
    apus_status (*tensor_describe)(
        const apus_tensor *tensor, int64_t *shape, int64_t *dimensions, int32_t *type,
        apus_error **error);
    apus_status (*tensor_alias)(
        const apus_tensor *tensor, apus_tensor **result, apus_error **error);
    apus_status (*tensor_clone)(
        const apus_tensor *tensor, apus_tensor **result, apus_error **error);
    apus_status (*tensor_detach)(
        const apus_tensor *tensor, int32_t requires_gradient, apus_tensor **result,
        apus_error **error);
    apus_status (*tensor_view)(
        const apus_tensor *tensor, const int64_t *shape, int64_t dimensions, apus_tensor **result,
        apus_error **error);
    apus_status (*tensor_narrow)(
        const apus_tensor *tensor, int64_t dimension, int64_t start, int64_t count,
        apus_tensor **result, apus_error **error);
    apus_status (*tensor_select)(
        const apus_tensor *tensor, int64_t dimension, int64_t index, apus_tensor **result,
        apus_error **error);
    apus_status (*tensor_transpose)(
        const apus_tensor *tensor, int64_t first, int64_t second, apus_tensor **result,
        apus_error **error);
    apus_status (*tensor_contiguous)(
        const apus_tensor *tensor, apus_tensor **result, apus_error **error);
    apus_status (*tensor_convert)(
        const apus_tensor *tensor, int32_t type, apus_tensor **result, apus_error **error);
    apus_status (*tensor_copy)(
        const apus_tensor *tensor, const apus_tensor *source, apus_error **error);
    apus_status (*tensor_fill)(const apus_tensor *tensor, double value, apus_error **error);
    apus_status (*tensor_fill_normal)(
        const apus_tensor *tensor, double mean, double standard_deviation, uint64_t seed,
        apus_error **error);
    apus_status (*tensor_accumulate)(
        const apus_tensor *tensor, const apus_tensor *addend, apus_error **error);
    apus_status (*tensor_scale)(const apus_tensor *tensor, double factor, apus_error **error);
    apus_status (*gradient_set)(
        const apus_tensor *tensor, const apus_tensor *gradient, apus_error **error);
    // The result is null where there is no gradient.
    apus_status (*gradient_take)(
        const apus_tensor *tensor, apus_tensor **result, apus_error **error);
    void (*tensor_destroy)(apus_tensor *tensor);

    // Differentiable operations.
    apus_status (*tensor_add)(
        const apus_tensor *left, const apus_tensor *right, apus_tensor **result,
        apus_error **error);
    apus_status (*tensor_multiply)(
        const apus_tensor *left, const apus_tensor *right, apus_tensor **result,
        apus_error **error);
    apus_status (*tensor_divide)(
        const apus_tensor *left, const apus_tensor *right, apus_tensor **result,
        apus_error **error);
    apus_status (*tensor_sum_last)(
        const apus_tensor *tensor, apus_tensor **result, apus_error **error);
    apus_status (*tensor_linear)(
        const apus_tensor *rows, const apus_tensor *weight, apus_tensor **result,
        apus_error **error);
    apus_status (*tensor_grouped_linear)(
        const apus_tensor *rows, const apus_tensor *weights, const int64_t *counts, int64_t groups,
        apus_tensor **result, apus_error **error);
    apus_status (*tensor_rms_norm)(
        const apus_tensor *rows, const apus_tensor *weight, double epsilon, apus_tensor **result,
        apus_error **error);
    apus_status (*tensor_rotary)(
        const apus_tensor *heads, double theta, apus_tensor **result, apus_error **error);
    apus_status (*tensor_attention)(
        const apus_tensor *queries, const apus_tensor *keys, const apus_tensor *values,
        int32_t causal, apus_tensor **result, apus_error **error);
    apus_status (*tensor_gated_silu)(
        const apus_tensor *rows, apus_tensor **result, apus_error **error);
    apus_status (*tensor_softmax)(
        const apus_tensor *scores, apus_tensor **result, apus_error **error);
    apus_status (*tensor_top_k)(
        const apus_tensor *scores, int64_t top_k, apus_tensor **values, apus_tensor **indices,
        apus_error **error);
    apus_status (*tensor_gather)(
        const apus_tensor *tensor, const apus_tensor *indices, apus_tensor **result,
        apus_error **error);
    apus_status (*tensor_embedding)(
        const apus_tensor *weight, const apus_tensor *tokens, apus_tensor **result,
        apus_error **error);
    apus_status (*tensor_head_loss)(
        const apus_tensor *hidden, const apus_tensor *weight, const apus_tensor *targets,
        double scale, int64_t chunks, apus_tensor **result, apus_error **error);

    // Routing: `order` lists assignments (`token * top_k + choice`) sorted by expert.
    apus_status (*routing_sort)(
        const apus_tensor *indices, int64_t experts, apus_tensor **order, int64_t *counts,
        apus_error **error);
    apus_status (*rows_spread)(
        const apus_tensor *rows, const apus_tensor *order, int64_t top_k, apus_tensor **result,
        apus_error **error);
    apus_status (*rows_merge)(
        const apus_tensor *rows, const apus_tensor *weights, const apus_tensor *order,
        apus_tensor **result, apus_error **error);
    apus_status (*rows_permute)(
        const apus_tensor *rows, const apus_tensor *order, apus_tensor **result,
        apus_error **error);

    // Lists of tensors; an element may be absent, and is then given as null.
    apus_status (*list_create)(apus_list **result, apus_error **error);
    apus_status (*list_append)(
        apus_list *list, const apus_tensor *tensor, apus_error **error);
    int64_t (*list_count)(const apus_list *list);
    // The result is null where the element is absent.
    apus_status (*list_get)(
        const apus_list *list, int64_t index, apus_tensor **result, apus_error **error);
    void (*list_destroy)(apus_list *list);

    // Graphs and optimizers.
    apus_status (*graph_create)(
        const apus_list *outputs, const apus_list *inputs, apus_graph **result,
        apus_error **error);
    // Adds to the gradients of leaves; the result holds those of the inputs. Where it postpones
    // weights, the products that give their gradients are left for the call after it.
    apus_status (*graph_backward)(
        apus_graph *graph, const apus_list *output_gradients, int32_t postpones_weights,
        apus_list **result, apus_error **error);
    apus_status (*graph_backward_weights)(apus_graph *graph, apus_error **error);
    void (*graph_destroy)(apus_graph *graph);
    apus_status (*list_adamw)(
        const apus_list *parameters, const apus_list *gradients, const apus_list *averages,
        const apus_list *square_averages, int64_t step, double learning_rate, double beta1,
        double beta2, double epsilon, double weight_decay, double gradient_divisor,
        apus_error **error);
    apus_status (*list_sums_of_squares)(const apus_list *list, double *sums, apus_error **error);

    // Stores: what ranks read and write while they find each other.
    // A `listen_descriptor` of -1 lets the server open `port` itself.
    apus_status (*store_serve)(
        const char *host, int32_t port, int32_t listen_descriptor, int64_t world_size,
        double timeout_seconds, apus_store **result, apus_error **error);
    apus_status (*store_connect)(
        const char *host, int32_t port, int64_t world_size, double timeout_seconds,
        apus_store **result, apus_error **error);
    apus_status (*store_in_process)(
        double timeout_seconds, apus_store **result, apus_error **error);
    apus_status (*store_set)(
        const apus_store *store, const char *key, const char *value, int64_t value_bytes,
        apus_error **error);
    apus_status (*store_get)(
        const apus_store *store, const char *key, char **value, int64_t *value_bytes,
        apus_error **error);
    apus_status (*store_add)(
        const apus_store *store, const char *key, int64_t amount, int64_t *sum,
        apus_error **error);
    int32_t (*store_port)(const apus_store *store);
    void (*store_destroy)(apus_store *store);

    // Process groups: Gloo for a device of -1, NCCL otherwise. Work keeps its tensors alive.
    apus_status (*group_create)(
        const apus_store *store, const char *prefix, int64_t rank, int64_t size,
        double timeout_seconds, const char *host, int32_t device, apus_group **result,
        apus_error **error);
    apus_status (*group_all_reduce)(
        const apus_group *group, const apus_tensor *tensor, apus_work **result,
        apus_error **error);
    apus_status (*group_all_to_all)(
        const apus_group *group, const apus_tensor *output, const apus_tensor *input,
        const int64_t *output_splits, const int64_t *input_splits, int64_t splits,
        apus_work **result, apus_error **error);
    apus_status (*group_send)(
        const apus_group *group, const apus_tensor *tensor, int64_t peer, int64_t tag,
        apus_work **result, apus_error **error);
    apus_status (*group_receive)(
        const apus_group *group, const apus_tensor *tensor, int64_t peer, int64_t tag,
        apus_work **result, apus_error **error);
    apus_status (*group_broadcast)(
        const apus_group *group, const apus_tensor *tensor, int64_t root, apus_work **result,
        apus_error **error);
    apus_status (*group_barrier)(
        const apus_group *group, apus_work **result, apus_error **error);
    void (*group_destroy)(apus_group *group);
    apus_status (*work_wait)(apus_work *work, apus_error **error);
    void (*work_destroy)(apus_work *work);
} apus_engine;
