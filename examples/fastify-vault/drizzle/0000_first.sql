CREATE TABLE "waxseal_sessions" (
	"key" text PRIMARY KEY NOT NULL,
	"record" "bytea" NOT NULL,
	"expires_at" bigint NOT NULL,
	"revision" bigint NOT NULL,
	"kid" text NOT NULL,
	"user_tag" text
);
--> statement-breakpoint
CREATE TABLE "tenants" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "token_vault" (
	"id" uuid PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"provider" text NOT NULL,
	"account" text DEFAULT '' NOT NULL,
	"kind" text NOT NULL,
	"encrypted_value" "bytea",
	"kid" text,
	"status" text NOT NULL,
	"status_before" text,
	"expires_at" timestamp with time zone,
	"refresh_expires_at" timestamp with time zone,
	"scopes" text[] NOT NULL,
	"metadata" jsonb NOT NULL,
	"version" integer NOT NULL,
	"lease_owner" text,
	"lease_until" timestamp with time zone,
	"attempt_started_at" timestamp with time zone,
	"in_doubt_since" timestamp with time zone,
	"retry_after" timestamp with time zone,
	"failures" integer NOT NULL,
	"last_error_code" text,
	"last_error" text,
	"last_used_at" timestamp with time zone,
	"last_refreshed_at" timestamp with time zone,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "token_vault" ADD CONSTRAINT "token_vault_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "waxseal_sessions_expires_at_idx" ON "waxseal_sessions" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "waxseal_sessions_user_tag_idx" ON "waxseal_sessions" USING btree ("user_tag") WHERE "waxseal_sessions"."user_tag" is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "token_vault_grant_key" ON "token_vault" USING btree ("tenant_id","provider","account","kind");--> statement-breakpoint
CREATE INDEX "token_vault_tenant_idx" ON "token_vault" USING btree ("tenant_id","provider");--> statement-breakpoint
CREATE INDEX "token_vault_expiry_idx" ON "token_vault" USING btree ("expires_at") WHERE "token_vault"."status" in ('ACTIVE', 'REFRESH_FAILED', 'CONFIG_ERROR');