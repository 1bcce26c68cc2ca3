enum CRMPlaceholder {}
