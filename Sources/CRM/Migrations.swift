public import JobsPostgres

/// Migrations of the CRM's tables and the service's business tables; they follow ``EngineMigrations``.
public enum CRMMigrations {
    public static let all: [Migration] = [
        Migration(number: 3, name: "m003_access", bytes: PackageResources.m003_access_sql),
        Migration(number: 4, name: "m004_people_and_classes", bytes: PackageResources.m004_people_and_classes_sql),
        Migration(number: 5, name: "m005_customers", bytes: PackageResources.m005_customers_sql),
        Migration(number: 6, name: "m006_customer_keys", bytes: PackageResources.m006_customer_keys_sql),
        Migration(number: 7, name: "m007_survey_booking", bytes: PackageResources.m007_survey_booking_sql),
        Migration(number: 8, name: "m008_assignment", bytes: PackageResources.m008_assignment_sql),
        Migration(number: 9, name: "m009_imports", bytes: PackageResources.m009_imports_sql),
        Migration(number: 10, name: "m010_notices", bytes: PackageResources.m010_notices_sql),
        Migration(number: 11, name: "m011_rules", bytes: PackageResources.m011_rules_sql),
        Migration(number: 12, name: "m012_adoption", bytes: PackageResources.m012_adoption_sql),
        Migration(number: 13, name: "m013_triggers", bytes: PackageResources.m013_triggers_sql),
        Migration(number: 14, name: "m014_watchers", bytes: PackageResources.m014_watchers_sql),
        Migration(number: 15, name: "m015_roles", bytes: PackageResources.m015_roles_sql),
        Migration(number: 16, name: "m016_rights", bytes: PackageResources.m016_rights_sql),
        Migration(number: 18, name: "m018_expiry", bytes: PackageResources.m018_expiry_sql),
        Migration(number: 19, name: "m019_pages", bytes: PackageResources.m019_pages_sql),
        Migration(number: 20, name: "m020_audit", bytes: PackageResources.m020_audit_sql),
        Migration(number: 21, name: "m021_search", bytes: PackageResources.m021_search_sql),
    ]
}
