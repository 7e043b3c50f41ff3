// SPDX-License-Identifier: Apache-2.0
public import CTorch

/// Settings of the whole process.
public enum Torch {
  /// Threads of one operator's parallel loops.
  public static var threads: Int {
    get { Int(ct_get_num_threads()) }
    set { ct_set_num_threads(Int32(newValue)) }
  }

  /// Lets threads that wait for each other sleep at once, where they would watch memory for milliseconds: beside other
  /// programs that makes small steps many times slower. `GOMP_SPINCOUNT` and `OMP_WAIT_POLICY` go before it. Once, before the
  /// first operator.
  public static func limitSpinning() { ct_limit_spinning() }

  /// Seeds torch's default generators. Prefer a ``Generator`` of your own, whose state can be saved.
  public static func seed(_ seed: UInt64) {
    if ct_manual_seed(seed) != 0 { TorchError.raise() }
  }

  /// Version of the libtorch in use, and of the headers the binding was compiled with.
  public static var version: (loaded: String, built: String) {
    (String(cString: ct_version()), String(cString: ct_built_version()))
  }

  /// Instruction set ATen dispatches to: `AVX512`, `AVX2`, `DEFAULT`.
  public static var cpuCapability: String { String(cString: ct_cpu_capability()) }

  /// The torch folder of the libtorch in use.
  public static var folder: String { String(cString: ct_torch_folder()) }

  /// The folder of the native library: `.native` of a checkout, `lib/dist2` of an installation.
  public static var libraryFolder: String { String(cString: ct_library_folder()) }

  /// Throws if the libtorch that was loaded is not the one the binding was compiled for: anything could happen then.
  public static func checkVersion() throws {
    let (loaded, built) = version
    guard loaded == built else {
      throw TorchError(
        "libtorch \(loaded) was loaded from \(folder), but dist2 was built for \(built). Run `make native` again.")
    }
  }

  /// Whether this thread is inside ``inferenceMode(_:)``. What is made there and kept can never take part in a graph.
  public static var isInferenceMode: Bool { ct_inference_enabled() }

  /// Keeps what tensors free for the next ones: without it each step faults in its activations' pages anew (10–40 % of a
  /// step). Large blocks lie apart from small ones, so that a process holds what its largest step needs and no more.
  public static func keepMemory() { ct_keep_memory() }

  /// Whether this process has a device that stands in for a GPU (`native/stand_in.cpp`): for tests, by DIST2_STAND_IN=1
  /// in the environment. `Device.cuda()` is that then.
  public static let hasStandIn = ct_stand_in()

  /// What the host would have waited for a GPU for since the last ``forgetWaits()``, and how often: `read` (values that
  /// come to the host), `upload` (copies to the device that are not asynchronous), and operators by name. Counted by the
  /// stand-in alone.
  package static var waits: [String: Int] {
    let lines = String(cString: ct_stand_in_waits()).split(separator: "\n")
    return Dictionary(
      uniqueKeysWithValues: lines.map { line in
        let parts = line.split(separator: " ")
        return (String(parts[0]), Int(parts[1]) ?? 0)
      })
  }

  /// Counts ``waits`` from 0 again.
  package static func forgetWaits() { ct_stand_in_forget() }

  /// Whether algorithms are taken that give the same bits each time, where torch has some: those of a GPU are not by
  /// themselves.
  public static var isDeterministic: Bool {
    get { ct_deterministic() }
    set { ct_set_deterministic(newValue) }
  }

  /// Whether operations of this thread are recorded for a backward pass.
  public static var recordsGraph: Bool { ct_grad_enabled() }

  /// Loads the CUDA half of libtorch. Throws with the loader's message where there is none.
  public static func loadCUDA() throws {
    if hasStandIn { return }
    if ct_cuda_load() != 0 { throw TorchError.last() }
    guard ct_cuda_device_count() > 0 else { throw TorchError("libtorch has CUDA, but no device was found") }
  }

  /// GPUs that libtorch can use; 0 before ``loadCUDA()``.
  public static var cudaDeviceCount: Int { hasStandIn ? 1 : Int(ct_cuda_device_count()) }
}

/// A seeded random number generator whose state can be saved and restored.
public final class Generator: OpArgument {
  /// Null only after a failure inside `withTorchErrors`.
  @usableFromInline let handle: ct_generator?

  /// A new generator on a device.
  public init(seed: UInt64, device: Device = .cpu) {
    var made: ct_generator?
    if ct_generator_new(device.type, device.index, seed, &made) != 0 { TorchError.raise() }
    handle = made
  }
  /// Torch's own generator of a device, which dropout draws from.
  public init(defaultOf device: Device) {
    var found: ct_generator?
    if ct_generator_default(device.type, device.index, &found) != 0 { TorchError.raise() }
    handle = found
  }
  deinit { if let handle { ct_generator_free(handle) } }

  /// The generator's whole state, a uint8 tensor.
  public var state: Tensor {
    get {
      var out: ct_tensor?
      guard let handle else { return Tensor(owned: nil) }
      if ct_generator_state(handle, &out) != 0 { TorchError.raise() }
      return Tensor(owned: out)
    }
    set {
      guard let handle, let state = newValue.handle else { return }
      if ct_generator_set_state(handle, state) != 0 { TorchError.raise() }
    }
  }

  /// Hands the value to a call of an operator.
  @inlinable public func push(to frame: ct_frame) {
    if let handle { ct_push_generator(frame, handle) } else { ct_push_none(frame) }
  }
}
