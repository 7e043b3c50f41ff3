// SPDX-License-Identifier: Apache-2.0
import Files
public import Torch

extension Module {
  /// Sets every parameter of this module and its descendants from the tensor of its full name.
  ///
  /// A tensor that already has the wanted type and device is taken as it is, without copying: it may then share a
  /// mapped file's pages.
  ///
  /// - Parameters:
  ///   - source: the tensors.
  ///   - dtype: element type of the parameters; nil keeps each tensor's own.
  ///   - device: where the parameters shall live.
  ///   - strict: refuse tensors that no parameter uses and parameters without a tensor. Otherwise the former are
  ///     skipped and the latter stay as they are. A wrong shape is refused always.
  ///   - checkingValues: refuse NaN and infinities, which costs one pass over all weights.
  /// - Throws: one `InputError` that names every unused, missing and misshapen tensor; nothing has been set then.
  public final func load(
    from source: any WeightSource, dtype: DType? = nil, device: Device = .cpu, strict: Bool = true,
    checkingValues: Bool = false
  ) throws {
    try load(
      from: source, dtype: dtype, device: device, strict: strict, checkingValues: checkingValues, progress: nil)
  }

  /// As above, telling how many tensors are read, of how many.
  package final func load(
    from source: any WeightSource, dtype: DType? = nil, device: Device = .cpu, strict: Bool = true,
    checkingValues: Bool = false, progress: ((_ done: Int, _ of: Int) -> Void)?
  ) throws {
    try load(
      parameters(), from: source, dtype: dtype, device: device, strict: strict, checkingValues: checkingValues,
      remedy: "Check that config.json belongs to these weights.", progress: progress)
  }

  /// The same for some parameters, which need not be the module's yet.
  ///
  /// - Parameters:
  ///   - keepingType: whether each parameter keeps the element type and device it has.
  ///   - remedy: what to do if tensors and parameters do not meet.
  final func load(
    _ parameters: [NamedParameter], from source: any WeightSource, dtype: DType? = nil, device: Device = .cpu,
    keepingType: Bool = false, strict: Bool = true, checkingValues: Bool = false, remedy: String,
    progress: ((_ done: Int, _ of: Int) -> Void)? = nil
  ) throws {
    var mismatch = WeightMismatch(path: source.path, remedy: remedy)
    var unused = Set(source.names)
    for parameter in parameters {
      unused.remove(parameter.key)
      guard let entry = source.entry(parameter.key) else {
        mismatch.missing.append(parameter.key)
        continue
      }
      mismatch.check(parameter, entry)
    }
    mismatch.unused = unused.sorted()
    if !strict { (mismatch.missing, mismatch.unused) = ([], []) }
    if let error = mismatch.error { throw error }

    // Everything is read before anything is set, so that an error half-way leaves the module as it was.
    let present = parameters.compactMap { parameter in source.entry(parameter.key).map { (parameter, $0) } }
    let tensors = try withTorchErrors {
      try noGrad {
        try present.enumerated().map { index, pair in
          let (parameter, entry) = pair
          defer { progress?(index + 1, present.count) }
          let tensor = try source.tensor(parameter.key)
          if checkingValues { try requireFinite(tensor, parameter.key, entry.path) }
          let old = parameter.tensor
          return keepingType ? tensor.to(old.device, dtype: old.dtype) : tensor.to(device, dtype: dtype)
        }
      }
    }
    for ((parameter, _), tensor) in zip(present, tensors) { parameter.box.tensor = tensor }
  }
}

extension Module {
  /// Throws unless every parameter is finite as a number of this type.
  ///
  /// - Parameter path: where they come from, for the error, which names the tensor.
  public final func requireFiniteParameters(as dtype: DType, path: String) throws {
    try withTorchErrors {
      try noGrad {
        var seen = Set<ObjectIdentifier>()
        for parameter in parameters() where seen.insert(ObjectIdentifier(parameter.tensor)).inserted {
          try requireFinite(parameter.tensor.to(dtype), "\(parameter.key) as \(dtype)", path)
        }
      }
    }
  }
}

private func requireFinite(_ tensor: Tensor, _ name: String, _ path: String) throws {
  // A sum is one pass without a temporary. It can overflow where all values are finite, so it only ever acquits.
  guard !tensor.sum().item().isFinite else { return }
  let bad = tensor.count - tensor.isFinite().sum().intItem()
  guard bad > 0, !Torch.hasFailed else { return }
  throw InputError(
    path: path, place: "tensor \(name)", expected: "finite numbers",
    found: "\(bad) of \(tensor.count) that are NaN or infinite",
    remedy: "The checkpoint is damaged, comes from a run that diverged, or holds numbers too large for the type.")
}

/// Every way in which a source does not fit a module.
struct WeightMismatch {
  let path: String, remedy: String
  var missing: [String] = []
  var unused: [String] = []
  private var misfits: [String] = []

  init(path: String, remedy: String) { (self.path, self.remedy) = (path, remedy) }

  /// Notes a wrong shape or an element type that is no real number.
  mutating func check(_ parameter: NamedParameter, _ entry: WeightEntry) {
    if entry.shape != parameter.tensor.shape {
      misfits.append("\(parameter.key) \(entry.shape) instead of \(parameter.tensor.shape) in \(entry.path)")
    } else if entry.dtype?.isFloatingPoint != true {
      misfits.append("\(parameter.key) of type \(entry.typeName) in \(entry.path)")
    }
  }

  /// nil if nothing was noted.
  var error: InputError? {
    var found: [String] = []
    if !missing.isEmpty { found.append("missing: " + described(missing, suggesting: unused)) }
    if !unused.isEmpty { found.append("not used by the model: " + described(unused, suggesting: [])) }
    if !misfits.isEmpty { found.append("misfit: " + misfits.joined(separator: ", ")) }
    guard !found.isEmpty else { return nil }
    return InputError(
      path: path, expected: "exactly the tensors of the model", found: found.joined(separator: "; "),
      remedy: remedy)
  }

  /// All names, those that differ in one number alone as one: `layers.{0-3,5}.mlp.up_proj.weight`.
  private func described(_ names: [String], suggesting others: [String]) -> String {
    let candidates = NamePattern.grouped(others)
    return NamePattern.grouped(names).map { group in
      let near = candidates.first { NamePattern.areNear($0.pattern, group.pattern) }
      return group.text + (near.map { " (there is \($0.text))" } ?? "")
    }.joined(separator: ", ")
  }
}
