# The settings of recipes/people-studio/README.md as a shell function: source it.

# Memory of large tensors is kept and held in huge pages, threads stay on their cores: a sixth faster, and nothing else (Linux).
export GLIBC_TUNABLES=glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=8589934592
export OMP_PROC_BIND=true

# PRESET DATA RUN, further flags. PROCESSES=2 shares each batch between two processes of one thread: on two cores faster than two threads in
# one process; batch norm then sees half of the batch.
train() {
    local threads=() command=(posetransfer)
    if [ "${PROCESSES:-1}" -gt 1 ]; then
        threads=(--threads 1) command=(env OMP_PROC_BIND=false OMP_NUM_THREADS=1 torchrun --standalone --nproc-per-node "$PROCESSES" -m -- posetransfer)
    fi
    "${command[@]}" train "$1" --data "$2" --run "$3" --model.width 32 --model.backdrop-colour 32 224 32 --training.optimiser muon \
        --training.betas 0.9 0.999 --training.epoch-steps 50 --training.checkpoint-every 100 --training.sample-every 300 --loss.least-slope 0.1 \
        --augmentation.estimator-error 0.6 --augmentation.target-error 0.2 --augmentation.joint-jitter 0.002 --augmentation.joint-dropout 0.02 \
        --augmentation.light 0.15 --augmentation.jpeg 0.2 ${threads[@]+"${threads[@]}"} "${@:4}"
}
