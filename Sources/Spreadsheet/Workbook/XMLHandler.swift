internal import CExpat
internal import Glibc

/// What hears a part's XML. The position in the document is kept here; subclasses say what an element means.
///
/// Only elements on a path that the subclass follows are told to it; everything else is passed over with all that is in
/// it. Elements of another namespace than the root element's are passed over too.
@safe class XMLHandler {
    /// Elements open now.
    private var depth = 0
    /// How many of them, from the root on, the subclass follows.
    private var followed = 0
    /// The root's namespace and the separator, as they stand before each name; nil before the root.
    private var namespace: UnsafeMutablePointer<CChar>?
    private var namespaceLength = 0
    /// The parser, set while it parses.
    fileprivate(set) var parser: XML_Parser?
    /// Why parsing was stopped for good.
    fileprivate(set) var problem: SheetError?
    private var isHeard = false

    init() {}
    deinit { unsafe free(namespace) }

    /// An element begins; `level` is 0 for the root.
    ///
    /// - Returns: whether the subclass follows it: it is told its end and its children.
    func start(_ level: Int, _ name: UnsafePointer<CChar>, _ attributes: XMLAttributes) -> Bool { false }
    /// An element that is followed ends.
    func end(_ level: Int) {}
    func text(_ bytes: UnsafePointer<UInt8>, _ count: Int) {}

    /// Stops parsing for good, with an error.
    final func fail(_ error: SheetError) {
        if problem == nil { problem = error }
        unsafe XML_StopParser(parser, 0)
    }

    /// Whether the part has a document type declaration.
    final var hasDoctype: Bool { problem?.message == Self.doctype.message }

    /// ECMA-376 part 2, 6.2.5: no part has a document type declaration. So no entity is ever declared or resolved.
    fileprivate static let doctype = SheetError.format(
        "工作簿内的 XML 含有 DTD（文档类型声明），已拒绝。请用 Excel 重新另存为 .xlsx 后上传。")

    /// Stops parsing until it is resumed.
    final func pause() { unsafe XML_StopParser(parser, 1) }

    /// Whether anything was heard since this was last asked.
    final func takeHeard() -> Bool {
        defer { isHeard = false }
        return isHeard
    }

    fileprivate final func started(
        _ name: UnsafePointer<CChar>, _ attributes: UnsafeMutablePointer<UnsafePointer<CChar>?>
    ) {
        isHeard = true
        let level = depth
        depth += 1
        if level != followed {
            // Excel's own nest less than 20 deep.
            if depth > 256 { fail(.format("工作簿已损坏：XML 元素嵌套过深。")) }
            return
        }
        if level == 0 { unsafe setNamespace(name) }
        if namespaceLength > 0 {
            guard unsafe strncmp(name, namespace!, namespaceLength) == 0 else { return }
        } else if unsafe strchr(name, Int32(XMLName.separator)) != nil {
            return
        }
        if unsafe start(level, name + namespaceLength, XMLAttributes(attributes)) { followed = depth }
    }

    fileprivate final func ended() {
        isHeard = true
        if depth == followed {
            followed -= 1
            end(followed)
        }
        depth -= 1
    }

    fileprivate final func heard(_ bytes: UnsafePointer<CChar>, _ count: Int32) {
        isHeard = true
        if depth == followed {
            unsafe text(UnsafeRawPointer(bytes).assumingMemoryBound(to: UInt8.self), Int(count))
        }
    }

    fileprivate final func commented() { isHeard = true }

    private func setNamespace(_ root: UnsafePointer<CChar>) {
        guard let separator = unsafe strchr(root, Int32(XMLName.separator)) else { return }
        namespaceLength = unsafe UnsafePointer(separator) - root + 1
        unsafe namespace = strndup(root, namespaceLength)
    }
}

/// Connects the C parser with a handler.
@unsafe func connect(_ parser: XML_Parser, _ handler: XMLHandler) {
    unsafe handler.parser = parser
    // The handler lives as long as the parser: both are fields of one value.
    unsafe XML_SetUserData(parser, Unmanaged.passUnretained(handler).toOpaque())
    unsafe XML_SetElementHandler(
        parser, { data, name, attributes in unsafe tell(data) { unsafe $0.started(name!, attributes!) } },
        { data, _ in unsafe tell(data) { $0.ended() } })
    unsafe XML_SetCharacterDataHandler(parser) { data, bytes, count in
        unsafe tell(data) { unsafe $0.heard(bytes!, count) }
    }
    unsafe XML_SetStartDoctypeDeclHandler(parser) { data, _, _, _, _ in
        unsafe tell(data) { $0.fail(XMLHandler.doctype) }
    }
    unsafe XML_SetCommentHandler(parser) { data, _ in unsafe tell(data) { $0.commented() } }
}

/// Calls the handler without counting a reference to it, for each of millions of elements.
@inline(__always)
@unsafe private func tell(_ data: UnsafeMutableRawPointer?, _ body: (XMLHandler) -> Void) {
    unsafe Unmanaged<XMLHandler>.fromOpaque(data!)._withUnsafeGuaranteedRef(body)
}

/// Names as the parser gives them: the namespace, a separator, the local name; without the first two if there is none.
enum XMLName {
    /// No namespace holds a line feed: attribute values are normalised.
    static let separator: CChar = 0x0A

    static func local(_ name: UnsafePointer<CChar>) -> UnsafePointer<CChar> {
        unsafe strrchr(name, Int32(separator)).map { unsafe UnsafePointer($0) + 1 } ?? name
    }
    @inline(__always)
    static func equal(_ name: UnsafePointer<CChar>, _ text: StaticString) -> Bool {
        unsafe strcmp(name, UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)) == 0
    }
}

/// The attributes of one element, valid while it is told.
@safe struct XMLAttributes {
    let raw: UnsafeMutablePointer<UnsafePointer<CChar>?>

    @unsafe init(_ raw: UnsafeMutablePointer<UnsafePointer<CChar>?>) { unsafe self.raw = raw }

    /// The value of an attribute without a namespace.
    func value(_ name: StaticString) -> UnsafePointer<CChar>? {
        var i = 0
        while let key = unsafe raw[i] {
            if unsafe XMLName.equal(key, name) { return unsafe raw[i + 1] }
            i += 2
        }
        return nil
    }

    func string(_ name: StaticString) -> String? { unsafe value(name).map { unsafe String(cString: $0) } }

    /// The value of an attribute that has a namespace, whichever.
    func qualified(_ name: StaticString) -> String? {
        var i = 0
        while let key = unsafe raw[i] {
            let local = unsafe XMLName.local(key)
            if unsafe local != key && XMLName.equal(local, name) { return unsafe String(cString: raw[i + 1]!) }
            i += 2
        }
        return nil
    }
}
