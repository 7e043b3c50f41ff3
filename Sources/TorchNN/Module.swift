// SPDX-License-Identifier: Apache-2.0
public import Torch

/// A part of a model: parameters and children, found by their property wrappers.
///
/// ```swift
/// final class MLP: Module {
///   @Child("gate_proj") var gate: Linear
///   @Child("up_proj") var up: Linear
///   @Child("down_proj") var down: Linear
///   init(_ width: Int, _ inner: Int) {
///     super.init()
///     gate = Linear(width, inner, bias: false) …
///   }
///   func callAsFunction(_ x: Tensor) -> Tensor { down(gate(x).silu() * up(x)) }
/// }
/// ```
///
/// The wrapper's string is the name in the checkpoint, written once, beside the Swift name. Modules are references
/// and not `Sendable`.
open class Module {
  /// A module without parameters of its own so far.
  public init() {}

  /// Whether dropout and the like are active. Set with ``setTraining(_:)``, which reaches every descendant.
  public private(set) final var isTraining = false

  /// Switches this module and all its descendants between training and inference.
  public final func setTraining(_ on: Bool) {
    isTraining = on
    for (_, child) in children { child.setTraining(on) }
  }

  /// Direct children with their checkpoint names; entries of a list are `layers.0`, `layers.1`, ….
  public final var children: [(key: String, module: Module)] {
    members.flatMap { member in (member as? any ModuleChildren)?.named ?? [] }
  }

  /// All parameters, own ones first, in order of declaration, with full checkpoint names such as
  /// `model.layers.0.mlp.up_proj.weight`. A tied parameter appears under each of its names.
  public final func parameters(prefix: String = "") -> [NamedParameter] {
    let own = members.compactMap { member -> NamedParameter? in
      guard let parameter = member as? ParameterBox, parameter.isPresent else { return nil }
      return NamedParameter(key: prefix + parameter.key, box: parameter)
    }
    return own + children.flatMap { $0.module.parameters(prefix: prefix + Self.prefix($0.key)) }
  }

  /// Parameters that are trained, each once.
  public final func trainableParameters() -> [NamedParameter] {
    var seen = Set<ObjectIdentifier>()
    return parameters().filter { $0.box.isTrainable && seen.insert(ObjectIdentifier($0.box.tensor)).inserted }
  }

  /// Keeps these parameters as they are: no gradient, no update.
  public final func freeze() { for parameter in parameters() { parameter.box.isTrainable = false } }

  /// Undoes ``freeze()``.
  public final func unfreeze() { for parameter in parameters() { parameter.box.isTrainable = true } }

  /// This module and all its descendants, with full names.
  public final func descendants(prefix: String = "") -> [(key: String, module: Module)] {
    [(String(prefix.dropLast()), self)]
      + children.flatMap { $0.module.descendants(prefix: prefix + Self.prefix($0.key)) }
  }

  /// Puts other modules in the places of descendants, by full name; nil leaves one and goes on to its children.
  final func replaceDescendants(prefix: String = "", _ change: (_ key: String, _ module: Module) -> Module?) {
    for case let wrapper as any ModuleChildren in members {
      wrapper.replace { key, module in
        if let new = change(prefix + key, module) { return new }
        module.replaceDescendants(prefix: prefix + Self.prefix(key), change)
        return nil
      }
    }
  }

  /// What stands before the names in a child: nothing where it has no name of its own.
  private static func prefix(_ key: String) -> String { key.isEmpty ? "" : key + "." }

  /// Gives parameters that this module itself holds, and some of its children's, values to begin training from scratch
  /// with, where ``initialise(standardDeviation:generator:dtype:device:)`` has none or others are better; called by it
  /// when all layers have theirs. By default nothing.
  open func initialiseTables(generator: Generator, dtype: DType, device: Device) {}

  /// The wrappers of this object, superclasses' first. They stay the same objects, only what they hold changes;
  /// looking them up costs 10 µs each, so it is done once.
  private lazy var members: [any ModuleMember] = {
    var mirrors = [Mirror](), mirror = Optional(Mirror(reflecting: self))
    while let current = mirror {
      mirrors.append(current)
      mirror = current.superclassMirror
    }
    return mirrors.reversed().flatMap { $0.children.compactMap { $0.value as? any ModuleMember } }
  }()
}

/// A parameter and its full name in the checkpoint.
public struct NamedParameter {
  /// `model.layers.0.mlp.up_proj.weight`
  public let key: String
  /// The property's box: read or replace its tensor here.
  public let box: ParameterBox
  /// The tensor itself.
  public var tensor: Tensor { box.tensor }
}

/// What reflection looks for.
protocol ModuleMember: AnyObject {}

/// A wrapper around one or several modules.
protocol ModuleChildren: ModuleMember {
  var named: [(key: String, module: Module)] { get }
  /// Puts what `change` gives, which must be of the wrapper's type, in the place of a child.
  func replace(_ change: (_ key: String, _ module: Module) -> Module?)
}

/// Storage of one parameter: its name in the checkpoint, its tensor, and whether it is trained.
public class ParameterBox: ModuleMember {
  /// Name relative to the owning module.
  public let key: String
  private var stored: Tensor?

  init(_ key: String) { self.key = key }

  /// Whether the module has this parameter (an optional bias may be absent).
  public var isPresent: Bool { stored != nil }

  /// The tensor. Replacing it keeps ``isTrainable``.
  public var tensor: Tensor {
    get {
      guard let stored else { preconditionFailure("parameter \(key) was read before it was set") }
      return stored
    }
    set {
      stored = newValue
      if newValue.requiresGrad != isTrainable, newValue.isLeaf { newValue.requiresGrad(isTrainable) }
    }
  }

  /// Whether gradients are computed for it. False until a trainer asks: inference records no graph.
  public var isTrainable = false {
    didSet { stored?.requiresGrad(isTrainable) }
  }

  func clear() { stored = nil }
}

/// A tensor that is learnt, stored in the checkpoint under `key`.
@propertyWrapper public final class Parameter: ParameterBox {
  public override init(_ key: String) { super.init(key) }
  /// The tensor.
  ///
  /// - Precondition: it has been set or loaded.
  public var wrappedValue: Tensor {
    get { tensor }
    set { tensor = newValue }
  }
  /// The box, to tie another module's parameter to or to freeze this one alone.
  public var projectedValue: ParameterBox { self }
}

/// A parameter a module may do without.
@propertyWrapper public final class OptionalParameter: ParameterBox {
  public override init(_ key: String) { super.init(key) }
  /// The tensor, or nil where the checkpoint need not have one.
  public var wrappedValue: Tensor? {
    get { isPresent ? tensor : nil }
    set { if let newValue { tensor = newValue } else { clear() } }
  }
  /// The box.
  public var projectedValue: ParameterBox { self }
}

/// A part of a weight that is stored as codes: never trained, and of one type whatever the model computes in.
@propertyWrapper public final class Constant: ParameterBox {
  public override init(_ key: String) { super.init(key) }
  /// The tensor; nil where the weight has no such part.
  public var wrappedValue: Tensor? {
    get { isPresent ? tensor : nil }
    set { if let newValue { tensor = newValue } else { clear() } }
  }
  /// False, whatever it is set to.
  public override var isTrainable: Bool {
    get { false }
    set {}
  }
}

/// A child module, stored in the checkpoint under `key`.
@propertyWrapper public final class Child<M: Module>: ModuleChildren {
  private let key: String
  private var stored: M?
  /// A child whose parameters begin with `key.` in checkpoints; with an empty key they have no name before their own.
  public init(_ key: String) { self.key = key }
  /// The child.
  ///
  /// - Precondition: it has been set.
  public var wrappedValue: M {
    get {
      guard let stored else { preconditionFailure("module \(key) was read before it was set") }
      return stored
    }
    set { stored = newValue }
  }
  var named: [(key: String, module: Module)] { stored.map { [(key, $0)] } ?? [] }
  func replace(_ change: (_ key: String, _ module: Module) -> Module?) {
    if let stored, let new = change(key, stored) { self.stored = (new as! M) }
  }
}

/// A child module that its parent may do without, stored in the checkpoint under `key`.
@propertyWrapper public final class OptionalChild<M: Module>: ModuleChildren {
  private let key: String
  /// The child, or nil for none.
  public var wrappedValue: M?
  /// A child that need not be there, under `key.` in checkpoints.
  public init(wrappedValue: M? = nil, _ key: String) {
    self.key = key
    self.wrappedValue = wrappedValue
  }
  var named: [(key: String, module: Module)] { wrappedValue.map { [(key, $0)] } ?? [] }
  func replace(_ change: (_ key: String, _ module: Module) -> Module?) {
    if let wrappedValue, let new = change(key, wrappedValue) { self.wrappedValue = (new as! M) }
  }
}

/// A list of child modules, stored as `key.0`, `key.1`, ….
@propertyWrapper public final class Children<M: Module>: ModuleChildren {
  private let key: String
  /// The children, in order.
  public var wrappedValue: [M]
  /// Children under `key.0.`, `key.1.`, … in checkpoints.
  public init(wrappedValue: [M] = [], _ key: String) {
    self.key = key
    self.wrappedValue = wrappedValue
  }
  var named: [(key: String, module: Module)] {
    wrappedValue.enumerated().map { ("\(key).\($0.offset)", $0.element) }
  }
  func replace(_ change: (_ key: String, _ module: Module) -> Module?) {
    for (index, module) in wrappedValue.enumerated() {
      if let new = change("\(key).\(index)", module) { wrappedValue[index] = new as! M }
    }
  }
}
